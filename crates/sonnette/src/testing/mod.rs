//! For tests of this project and of those that embed it: a receiver that answers as told, and a clock moved by hand.

mod answer;
mod certificate;
mod clock;
mod http1;
mod http2;
mod receiver;

pub use answer::{Answer, Gate};
pub use certificate::Certified;
pub use clock::MockClock;
pub use receiver::{Received, Receiver};
