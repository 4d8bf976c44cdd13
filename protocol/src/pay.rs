//! What gateways, nodes and ledgers all name when something is paid: amounts, grants, receipts, vouchers (spec §11, §25).

mod allocation;
mod delivered;
mod delivery_receipt;
mod money;
mod names;
mod numbers;
mod payment;
mod priced_bytes;
mod promise;
mod read_price;
mod session_grant;
mod title_price;
mod usage;
mod voucher;

pub use allocation::Allocation;
pub use delivered::Delivered;
pub use delivery_receipt::DeliveryReceipt;
pub use money::{Amount, AmountError, Ppm, PpmError};
pub use names::{AgreementId, Alias, Serial};
pub use numbers::{Epoch, LaneNumber, STREAMS_MAX, StreamNumber, StreamNumberError};
pub use payment::{Counted, Paid, PayLane, Payment, PaymentError, VerifiedPayment};
pub use priced_bytes::{PricedBytes, ReadCost};
pub use promise::Promise;
pub use read_price::ReadPrice;
pub use session_grant::SessionGrant;
pub use title_price::{Per, Quantity, QuantityError, TitlePrice};
pub use usage::Usage;
pub use voucher::Voucher;
