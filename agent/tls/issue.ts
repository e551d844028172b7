import { randomBytes, X509Certificate } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import { type DeviceNames, domainsOf, isWithin } from './device-names.ts';
import { NAME_CONSTRAINTS_OID, readNameConstraints, writeNameConstraints } from './name-constraints.ts';

/** A private key and its certificate. */
export interface Issued {
  /** PKCS #8. */
  readonly keyPem: string;
  readonly certPem: string;
}

/** Unix milliseconds. */
export interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** Costs 40 ms and 10 MB, so it is loaded only for a new certificate. */
const load = () => import('./x509.ts');

/**
 * The own authority, limited to local domains and the box's names, so that a stolen key cannot impersonate a bank to a phone that trusts
 * it. Addresses are not limited, because devices have public IPv6 addresses.
 * @param before the authority to renew: key and permitted domains stay, so the trust in it stays
 */
export async function issueAuthority(names: DeviceNames, validity: Validity, before?: Issued): Promise<Issued> {
  const x509 = await load();
  const keys = before ? await keysOf(before) : await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const old = before && (await permittedDomains(before));
  const domains = [...new Set([...(old ?? []), ...domainsOf(names)])];
  const subject = before ? new x509.X509Certificate(before.certPem).subjectName : subjectOf(names);
  const { BasicConstraintsExtension, KeyUsagesExtension, SubjectKeyIdentifierExtension, KeyUsageFlags } = x509;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: typeof subject === 'string' ? subject : subject.toString(),
    issuer: typeof subject === 'string' ? subject : subject.toString(),
    notBefore: new Date(validity.fromMs),
    notAfter: new Date(validity.untilMs),
    signingAlgorithm: SIGNING,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      // For servers only: no further authorities.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension(NAME_CONSTRAINTS_OID, true, bufferOf(writeNameConstraints(domains))),
    ],
  });
  return { keyPem: before?.keyPem ?? (await keyPemOf(keys.privateKey)), certPem: certificate.toString('pem') };
}

/** The server certificate, with its own key. */
export async function issueServer(authority: Issued, names: DeviceNames, validity: Validity): Promise<Issued> {
  const x509 = await load();
  const issuer = new x509.X509Certificate(authority.certPem);
  const keys = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const { BasicConstraintsExtension, KeyUsagesExtension, ExtendedKeyUsageExtension, KeyUsageFlags } = x509;
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([SERVER_AUTH]),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    new x509.SubjectAlternativeNameExtension([
      ...names.dns.map((value) => ({ type: 'dns', value }) as const),
      ...names.ips.map((value) => ({ type: 'ip', value }) as const),
    ]),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${names.dns[0] ?? 'localhost'}`,
    issuer: issuer.subject,
    notBefore: new Date(validity.fromMs),
    notAfter: new Date(validity.untilMs),
    signingAlgorithm: SIGNING,
    publicKey: keys.publicKey,
    signingKey: (await keysOf(authority)).privateKey,
    extensions,
  });
  return { keyPem: await keyPemOf(keys.privateKey), certPem: certificate.toString('pem') };
}

/** Whether the authority may certify all these names. */
export async function isPermitted(authority: Issued, { dns }: DeviceNames): Promise<boolean> {
  const domains = await permittedDomains(authority);
  return domains === undefined || dns.every((name) => isWithin(name, domains));
}

/** IP addresses of a certificate: `DNS:vm, IP Address:FD00:0:0:0:0:0:0:2`. */
export const addressesOf = ({ subjectAltName = '' }: X509Certificate): readonly string[] =>
  [...subjectAltName.matchAll(/IP Address:([\da-f:.]+)/gi)].map(([, ip = '']) => ip.toLowerCase());

export const certificateOf = ({ certPem }: Issued): X509Certificate => new X509Certificate(certPem);

async function permittedDomains({ certPem }: Issued): Promise<readonly string[] | undefined> {
  const { X509Certificate: Parsed } = await load();
  const extension = new Parsed(certPem).getExtension(NAME_CONSTRAINTS_OID);
  return extension ? readNameConstraints(new Uint8Array(extension.value)) : undefined;
}

/** Random digits distinguish two boxes of one name on a phone. */
const subjectOf = ({ dns }: DeviceNames): string =>
  `CN=Perch ${dns[0] ?? ''} ${randomBytes(2).toString('hex')}, O=Perch`;

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
const serialNumber = (): string => `7${randomBytes(16).toString('hex').slice(1)}`;

async function keysOf({ keyPem, certPem }: Issued) {
  const { X509Certificate: Parsed, PemConverter } = await load();
  const privateKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(keyPem), KEY, true, ['sign']);
  return { privateKey, publicKey: await new Parsed(certPem).publicKey.export() };
}

async function keyPemOf(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----`;
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
