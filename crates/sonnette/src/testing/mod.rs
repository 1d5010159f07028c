//! For tests of this project and of those that embed it: a receiver that answers as told, and a clock moved by hand.

mod certificate;
mod clock;
mod http1;
mod http2;
mod receiver;
mod scripted_response;

pub use certificate::CertificateKind;
pub use clock::MockClock;
pub use receiver::{ReceivedRequest, Receiver};
pub use scripted_response::{Gate, ScriptedResponse};
