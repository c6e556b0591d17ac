"""The platform's capabilities, one group a module; `brevetti_keras.server.service` composes them."""
