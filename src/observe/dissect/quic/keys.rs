//! Keys of Initial packets, and what is done with them.
//!
//! RFC 9001 §5.1 to §5.4: anybody who sees the client's first Initial packet can make these keys, from public constants and the
//! connection id in it. They hide nothing. Their tag shows that header and payload belong together and came whole; it does not
//! show who made the packet. AES-128-GCM, and AES-128 for the header mask.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Payload};
use hkdf::Hkdf;
use sha2::Sha256;

use super::version::Constants;

/// Length of the authentication tag behind each payload.
pub const TAG_LEN: usize = 16;
/// Length of the sample that the header mask is made of.
pub const SAMPLE_LEN: usize = 16;

/// Whose packets keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// The keys of one sender's Initial packets. Raw: the cipher's tables are larger, quickly made and seldom needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    key: [u8; 16],
    vector: [u8; 12],
    header: [u8; 16],
}

impl Keys {
    /// The keys that follow from the destination connection id of the client's first Initial packet, or of the first one behind a
    /// Retry (RFC 9001 §5.2).
    pub fn initial(constants: &Constants, destination_id: &[u8], sender: Sender) -> Self {
        let initial = Hkdf::<Sha256>::new(Some(&constants.salt), destination_id);
        let mut secret = [0; 32];
        let label: &[u8] = match sender {
            Sender::Client => b"client in",
            Sender::Server => b"server in",
        };
        expand(&initial, label, &mut secret);
        let mut keys = Self {
            key: [0; 16],
            vector: [0; 12],
            header: [0; 16],
        };
        // A secret has the length of the hash, and only that is asked for.
        if let Ok(of_sender) = Hkdf::<Sha256>::from_prk(&secret) {
            let [key, vector, header] = constants.labels;
            expand(&of_sender, key, &mut keys.key);
            expand(&of_sender, vector, &mut keys.vector);
            expand(&of_sender, header, &mut keys.header);
        }
        keys
    }

    /// The mask over first byte and packet number (RFC 9001 §5.4.3); its first five bytes are used.
    pub fn mask(&self, sample: [u8; SAMPLE_LEN]) -> [u8; SAMPLE_LEN] {
        let mut block = aes::Block::from(sample);
        Aes128::new(&self.header.into()).encrypt_block(&mut block);
        block.into()
    }

    /// The payload of a packet, if its tag holds. `header` is unprotected, `sealed` is payload and tag (RFC 9001 §5.3).
    pub fn open(&self, number: u64, header: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: sealed,
            aad: header,
        };
        let cipher = Aes128Gcm::new(&self.key.into());
        cipher.decrypt(&self.nonce(number).into(), payload).ok()
    }

    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.vector;
        for (byte, of_number) in nonce
            .iter_mut()
            .rev()
            .zip(number.to_be_bytes().iter().rev())
        {
            *byte ^= of_number;
        }
        nonce
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand(secret: &Hkdf<Sha256>, label: &[u8], out: &mut [u8]) {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(out.len()).unwrap_or(u16::MAX).to_be_bytes();
    let label_len = u8::try_from(PREFIX.len().saturating_add(label.len())).unwrap_or(u8::MAX);
    // 32 bytes at most are asked for, far below the bound of 255 hashes.
    let _ = secret.expand_multi_info(&[&length, &[label_len], PREFIX, label, &[0]], out);
}

/// Packets made for tests.
#[cfg(test)]
pub(in crate::observe::dissect) mod seal {
    use super::*;
    use crate::observe::dissect::quic::version;
    use crate::observe::dissect::quic::version::constants_of;

    /// What an Initial packet is made of.
    #[derive(Clone)]
    pub(in crate::observe::dissect) struct Initial<'a> {
        pub version: u32,
        /// The connection id that the keys follow from.
        pub seed: &'a [u8],
        pub sender: Sender,
        pub destination_id: &'a [u8],
        pub source_id: &'a [u8],
        pub token: &'a [u8],
        pub number: u64,
    }

    impl Initial<'_> {
        /// The packet with these frames, padded to `length` bytes.
        pub(in crate::observe::dissect) fn seal(&self, frames: &[u8], length: usize) -> Vec<u8> {
            let type_bits = (0..4u8)
                .find(|bits| {
                    version::kind_of(self.version, bits << 4)
                        == Some(crate::observe::dissect::quic_shape::PacketKind::Initial)
                })
                .unwrap();
            let mut packet = vec![0xc3 | type_bits << 4];
            packet.extend(self.version.to_be_bytes());
            for id in [self.destination_id, self.source_id] {
                packet.push(u8::try_from(id.len()).unwrap());
                packet.extend(id);
            }
            packet.push(u8::try_from(self.token.len()).unwrap());
            packet.extend(self.token);
            let length_at = packet.len();
            let head = length_at + 2 + 4;
            let payload_len = frames.len().max(length.saturating_sub(head + TAG_LEN));
            let protected = u16::try_from(4 + payload_len + TAG_LEN).unwrap();
            packet.extend((protected | 0x4000).to_be_bytes());
            packet.extend(u32::try_from(self.number).unwrap().to_be_bytes());
            let mut payload = frames.to_vec();
            payload.resize(payload_len, 0);
            let keys = Keys::initial(&constants_of(self.version)[0], self.seed, self.sender);
            keys.protect(packet, self.number, &payload, length_at + 2)
        }
    }

    impl Keys {
        /// Seals the payload behind a header whose packet number begins at `number_at`, and masks the header.
        pub(in crate::observe::dissect) fn protect(
            &self,
            mut header: Vec<u8>,
            number: u64,
            payload: &[u8],
            number_at: usize,
        ) -> Vec<u8> {
            let head = header.len();
            let message = Payload {
                msg: payload,
                aad: &header,
            };
            let sealed = Aes128Gcm::new(&self.key.into())
                .encrypt(&self.nonce(number).into(), message)
                .unwrap();
            header.extend(sealed);
            let sample = *header[number_at + 4..].first_chunk().unwrap();
            let mask = self.mask(sample);
            header[0] ^= mask[0] & 0x0f;
            for (byte, mask) in header[number_at..head].iter_mut().zip(&mask[1..]) {
                *byte ^= mask;
            }
            header
        }
    }
}

#[cfg(test)]
mod tests {
    use super::seal::Initial;
    use super::*;
    use crate::observe::dissect::quic::version::{VERSION_1, VERSION_2, constants_of};
    use crate::observe::dissect::wire::test_bytes::hex;

    /// RFC 9001 A.2 and RFC 9369 A.2: the CRYPTO frame of the client's Initial; padding follows.
    const CLIENT_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113\
         02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
         04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1\
         5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100\
         3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806\
         048000ffff";
    /// RFC 9001 A.3 and RFC 9369 A.3: the payload of the server's Initial.
    const SERVER_PAYLOAD: &str = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200\
         130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00\
         020304";

    struct Vectors {
        version: u32,
        /// Client's and server's packet key, vector and header key, as A.1 lists them.
        keys: [[&'static str; 3]; 2],
        /// Begin and end of the client's packet; the tag at its end is over all of it.
        client: [&'static str; 2],
        server_header: &'static str,
        server: &'static str,
    }

    const RFC_9001: Vectors = Vectors {
        version: VERSION_1,
        keys: [
            [
                "1f369613dd76d5467730efcbe3b1a22d",
                "fa044b2f42a3fd3b46fb255c",
                "9f50449e04a0e810283a1e9933adedd2",
            ],
            [
                "cf3a5331653c364c88f0f379b6067e37",
                "0ac1493ca1905853b0bba03e",
                "c206b8d9b9f0f37644430b490eeaa314",
            ],
        ],
        client: [
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
            "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934",
        ],
        server_header: "c1000000010008f067a5502a4262b50040750001",
        server: "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3\
                 8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
                 022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
    };

    const RFC_9369: Vectors = Vectors {
        version: VERSION_2,
        keys: [
            [
                "8b1a0bc121284290a29e0971b5cd045d",
                "91f73e2351d8fa91660e909f",
                "45b95e15235d6f45a6b19cbcb0294ba9",
            ],
            [
                "82db637861d55e1d011f19ea71d5d2a7",
                "dd13c276499c0249d3310652",
                "edf6d05c83121201b436e16877593c3a",
            ],
        ],
        client: [
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c",
            "9a37ddec600545473cfb5a05e08d0b209973b2172b4d21fb69745a262ccde96ba18b2faa745b6fe189cf772a9f84cbfc",
        ],
        server_header: "d16b3343cf0008f067a5502a4262b50040750001",
        server: "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf872630\
                 17915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
                 c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
    };

    #[test]
    fn vectors_of_both_versions() {
        let seed = hex("8394c8f03e515708");
        for vectors in [RFC_9001, RFC_9369] {
            let constants = &constants_of(vectors.version)[0];
            let [client, server] = [Sender::Client, Sender::Server]
                .map(|sender| Keys::initial(constants, &seed, sender));
            for (keys, printed) in [client, server].iter().zip(vectors.keys) {
                assert_eq!(keys.key.to_vec(), hex(printed[0]));
                assert_eq!(keys.vector.to_vec(), hex(printed[1]));
                assert_eq!(keys.header.to_vec(), hex(printed[2]));
            }
            let packet = Initial {
                version: vectors.version,
                seed: &seed,
                sender: Sender::Client,
                destination_id: &seed,
                source_id: &[],
                token: &[],
                number: 2,
            }
            .seal(&hex(CLIENT_FRAME), 1200);
            let [begin, end] = vectors.client.map(hex);
            assert!(packet.starts_with(&begin) && packet.ends_with(&end));
            assert_eq!(packet.len(), 1200);

            let payload = hex(SERVER_PAYLOAD);
            let packet = server.protect(hex(vectors.server_header), 1, &payload, 18);
            assert_eq!(packet, hex(vectors.server));
        }
    }
}
