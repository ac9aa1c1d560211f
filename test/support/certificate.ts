/**
 * Certificates for servers on this machine: one that signs itself, and authorities that sign for others, as a company has them. Without openssl: a new machine may lack
 * it, and whoever tests that a wrong authority is refused needs two of them that differ in nothing but their key and name.
 *
 * X.509 in DER is written by hand, since Node reads certificates and makes none.
 *
 *     Certificate      SEQUENCE { tbs, algorithm, BIT STRING signature }
 *     tbs              SEQUENCE { [0] version 2, serial, algorithm, issuer, validity, subject, publicKey, [3] extensions }
 *
 * Source: RFC 5280, section 4.1; RFC 5758, section 3.2 (ecdsa-with-SHA256).
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Authority {
  /** PEM: what clients are told to trust. */
  readonly certificate: string;
  /** Signs for a server. @param hosts names and IPv4 addresses under which clients may call it */
  issue(hosts: readonly string[]): Certificate;
}

/** For 127.0.0.1 and localhost, valid from 2020 to 2049. It signs itself, so that whoever trusts it trusts exactly this server. */
export function createCertificate(): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const name = commonName("offtake test");
  return {
    certificate: signed({ issuer: name, subject: name, publicKey, extensions: [isAuthority, subjectNames(["localhost", "127.0.0.1"])] }, privateKey),
    key: pem(privateKey),
  };
}

/** Valid from 2020 to 2049, as what it signs. @param title of no other authority: clients look for the signer by its name */
export function createAuthority(title: string): Authority {
  const own = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const issuer = commonName(title);
  return {
    certificate: signed({ issuer, subject: issuer, publicKey: own.publicKey, extensions: [isAuthority] }, own.privateKey),
    issue(hosts) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const subject = commonName(`${title}: a server`);
      return { certificate: signed({ issuer, subject, publicKey, extensions: [subjectNames(hosts)] }, own.privateKey), key: pem(privateKey) };
    },
  };
}

interface Body {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

const ecdsaWithSha256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const validity = sequence(tagged(0x17, Buffer.from("200101000000Z")), tagged(0x17, Buffer.from("491231235959Z")));
const yes = tagged(0x01, Buffer.from([0xff]));
const isAuthority = sequence(objectId(0x55, 0x1d, 0x13), yes, tagged(0x04, sequence(yes)));

/** PEM. */
function signed({ issuer, subject, publicKey, extensions }: Body, by: KeyObject): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    issuer,
    validity,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, by)]));
  const base64 = sequence(body, ecdsaWithSha256, signature).toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function commonName(text: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(text)))));
}

function subjectNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) => (isIP(host) === 4 ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host))));
  return sequence(objectId(0x55, 0x1d, 0x11), tagged(0x04, sequence(...names)));
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
