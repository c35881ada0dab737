//! The engine: the ports to the outside, the one orchestrator (`reconcile`) and the one executor (`apply`).

pub mod ports;
