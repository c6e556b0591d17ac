"""A component is its settings: one class is the form, the line in the config file and the record in `output.json`."""

from brevetti_keras.schema.fields import code_field, setting
from brevetti_keras.schema.settings import Settings, SettingsSchema, settings_error

__all__ = ["Settings", "SettingsSchema", "code_field", "setting", "settings_error"]
