//! `sonnette openapi`.

use anyhow::Result;
use clap::Args;

use super::output;
use crate::rest;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self) -> Result<()> {
        output::print_line(serde_json::to_string_pretty(&rest::openapi())?)
    }
}
