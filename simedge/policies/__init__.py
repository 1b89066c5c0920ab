"""Pure decisions: plain observations in, plain decisions out; nothing here knows the simulator."""
