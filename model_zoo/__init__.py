"""Model types that come with the framework; they register as anyone's would."""
