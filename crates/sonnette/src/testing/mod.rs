//! For tests of this project and of programs that embed it: a receiver with scripted responses, and a mock clock.

mod certificate;
mod clock;
mod http1;
mod http2;
mod receiver;
mod receiver_state;
mod scripted_response;

pub use certificate::CertificateKind;
pub use clock::MockClock;
pub use receiver::Receiver;
pub use receiver_state::ReceivedRequest;
pub use scripted_response::{Gate, ScriptedResponse};
