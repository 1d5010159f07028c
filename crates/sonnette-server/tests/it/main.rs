//! Tests of the program through the surfaces that its users touch.

mod cli;
