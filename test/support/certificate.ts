/**
 * A certificate for a server on this machine, and its key: TLS as `mode: production` asks for it, without a certificate authority and without openssl.
 *
 * It signs itself, so that whoever trusts it trusts exactly this server. X.509 in DER is written by hand, since Node reads certificates and makes none.
 *
 *     Certificate      SEQUENCE { tbs, algorithm, BIT STRING signature }
 *     tbs              SEQUENCE { [0] version 2, serial, algorithm, issuer, validity, subject, publicKey, [3] extensions }
 *
 * Source: RFC 5280, section 4.1; RFC 5758, section 3.2 (ecdsa-with-SHA256).
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** For 127.0.0.1 and localhost, valid from 2020 to 2049. */
export function createCertificate(): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const commonName = sequence(objectId(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from("offtake test")));
  const name = sequence(tagged(0x31, commonName));
  const validity = sequence(tagged(0x17, Buffer.from("200101000000Z")), tagged(0x17, Buffer.from("491231235959Z")));
  const yes = tagged(0x01, Buffer.from([0xff]));
  const isAuthority = sequence(objectId(0x55, 0x1d, 0x13), yes, tagged(0x04, sequence(yes)));
  const addresses = sequence(tagged(0x82, Buffer.from("localhost")), tagged(0x87, Buffer.from([127, 0, 0, 1])));
  const isFor = sequence(objectId(0x55, 0x1d, 0x11), tagged(0x04, addresses));
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(isAuthority, isFor)),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, privateKey)]));
  const base64 = sequence(body, algorithm, signature).toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function objectId(...bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

/** Tag, length (in one byte below 128, else behind the count of its bytes), contents. */
function tagged(tag: number, contents: Buffer): Buffer {
  const { length } = contents;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), contents]);
}
