import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import { putAside } from '../base/files/durable-file.ts';
import type { Logger } from '../base/log.ts';
import { canonicalIp } from '../base/network/ip-address.ts';
import { SerialQueue } from '../base/serial-queue.ts';
import { DAY_MS } from '../base/time/units.ts';
import { readConfigFile, writeAtomic } from '../config/file/file.ts';
import type { SniCallback } from '../config/file/key-pair.ts';
import { type DeviceNames, systemNames, withFormer } from './device-names.ts';
import {
  addressesOf,
  certificateOf,
  type Issued,
  isPermitted,
  issueAuthority,
  issueServer,
  type Validity,
} from './issue.ts';
import { NamedCertificates } from './named-certificates.ts';

const YEAR_MS = 365 * DAY_MS;
/** A clock that shows an earlier time is not set. */
const MIN_MS = Date.UTC(2026, 0, 1);
/** Start of the authority's validity: before any time that a client's clock shows, so that it does not depend on the box's clock. */
const AUTHORITY_FROM_MS = Date.UTC(2025, 0, 1);
const AUTHORITY_MS = 10 * YEAR_MS;
/** Remaining validity at which the authority is renewed. The key stays, so a client's copy is valid until its own end. */
const AUTHORITY_RENEW_MS = 2 * YEAR_MS;
/** How far the server certificate is dated back, for clients whose clocks are behind. */
const SERVER_BACK_MS = 30 * DAY_MS;
const SERVER_MS = YEAR_MS;
const SERVER_RENEW_MS = 120 * DAY_MS;
/** For certificates made while the clock is not set: 825 days is Apple's limit. Replaced when the clock is set. */
const SERVER_UNSET_MS = 790 * DAY_MS;
/** Interval of checks of names, addresses and the clock. */
const CHECK_MS = 10_000;

interface OwnAuthority {
  /** `Perch box 3f2a`, as listed by phones. */
  readonly name: string;
  readonly pem: string;
  readonly der: Uint8Array;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
  /** Unix milliseconds. */
  readonly untilMs: number;
}

interface OwnCertificateOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly names?: () => DeviceNames;
}

/**
 * The box's own certificate and the authority behind it, which phones can trust: `tls/server.pem` and `tls/authority.pem` of the data
 * folder, each with key and certificate, so that they change together. Created on first use; renewed well before the end, and for new names
 * or addresses.
 */
export class OwnCertificate {
  readonly #options: OwnCertificateOptions;
  readonly #names: () => DeviceNames;
  readonly #folder: string;
  #authority: Issued | undefined;
  #server: Issued | undefined;
  readonly #turns = new SerialQueue();
  #stopChecking: (() => void) | undefined;
  #loggedFailure = '';
  /** Those of other authorities, for names of their own. */
  readonly named = new NamedCertificates();

  constructor(options: OwnCertificateOptions) {
    this.#options = options;
    this.#names = options.names ?? systemNames;
    this.#folder = join(options.dataDir, 'tls');
  }

  get sni(): SniCallback {
    return this.named.sni;
  }

  /** Undefined before the first use. */
  authority(): OwnAuthority | undefined {
    if (!this.#authority) {
      return undefined;
    }
    const parsed = certificateOf(this.#authority);
    return {
      name: /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? 'Perch',
      pem: `${this.#authority.certPem}\n`,
      der: parsed.raw,
      fingerprint: parsed.fingerprint256,
      untilMs: parsed.validToDate.getTime(),
    };
  }

  /**
   * Creates missing certificates, and renews them from now on.
   * @returns the file with key and certificate
   * @throws PerchError unavailable
   */
  async file(): Promise<string> {
    await this.#turns.run(() => this.#renew());
    this.#stopChecking ??= this.#options.clock.every(CHECK_MS, () => void this.#check());
    return join(this.#folder, 'server.pem');
  }

  close(): void {
    this.#stopChecking?.();
  }

  async #check(): Promise<void> {
    try {
      await this.#turns.run(() => this.#renew());
      this.#loggedFailure = '';
    } catch (error) {
      // The current certificate stays in use: no failure of a check may end the program.
      const cause = explain(error);
      if (cause !== this.#loggedFailure) {
        this.#loggedFailure = cause;
        const fields = error instanceof PerchError ? { cause } : { err: error };
        this.#options.log.warn(fields, 'certificate cannot be renewed');
      }
    }
  }

  async #renew(): Promise<void> {
    const names = this.#names();
    const { clock, log } = this.#options;
    const isSet = clock.wallMs() >= MIN_MS;
    const nowMs = Math.max(clock.wallMs(), MIN_MS);
    this.#authority ??= await this.#load('authority.pem');
    this.#server ??= await this.#load('server.pem');
    const server = this.#server && certificateOf(this.#server);
    const authority = this.#authority && certificateOf(this.#authority);
    if (authority && server && !isDue(authority, server, names, nowMs, isSet)) {
      return;
    }
    await this.#renewAuthority(authority, names, nowMs, isSet);
    const signer = this.#authority as Issued;
    // An unset clock may be behind the time of the current certificate: the later of both counts.
    const issuedMs = server ? server.validFromDate.getTime() + SERVER_BACK_MS : nowMs;
    const validity = serverValidity(isSet ? nowMs : Math.max(nowMs, issuedMs), isSet, certificateOf(signer));
    const former = server ? addressesOf(server).map((ip) => canonicalIp(ip) ?? ip) : [];
    const all = withFormer(names, former);
    this.#server = await this.#save('server.pem', await issueServer(signer, all, validity));
    const until = new Date(validity.untilMs).toISOString();
    log.info({ names: all.dns, addresses: all.ips.length, until }, 'certificate created');
  }

  async #renewAuthority(
    before: X509Certificate | undefined,
    names: DeviceNames,
    nowMs: number,
    isSet: boolean,
  ): Promise<void> {
    const { log } = this.#options;
    const old = this.#authority;
    const isLate = before !== undefined && isSet && nowMs > before.validToDate.getTime() - AUTHORITY_RENEW_MS;
    if (old && !isLate && (await isPermitted(old, names))) {
      return;
    }
    const untilMs = Math.max(nowMs + AUTHORITY_MS, before?.validToDate.getTime() ?? 0);
    const issued = await issueAuthority(names, { fromMs: AUTHORITY_FROM_MS, untilMs }, old);
    this.#authority = await this.#save('authority.pem', issued);
    const { fingerprint256: fingerprint } = certificateOf(issued);
    if (old) {
      log.warn({ fingerprint }, 'own authority has a new certificate: devices should fetch it from /trust again');
    } else {
      log.info({ fingerprint, until: new Date(untilMs).toISOString() }, 'own authority created');
    }
  }

  /** Undefined if missing or damaged; a damaged file is renamed. */
  async #load(name: string): Promise<Issued | undefined> {
    const file = join(this.#folder, name);
    const text = await readConfigFile(file);
    if (text === undefined) {
      return undefined;
    }
    const issued = readIssued(text);
    if (issued) {
      return issued;
    }
    this.#options.log.warn({ file }, 'key or certificate is damaged: file renamed, creating a new one');
    await putAside(file);
    return undefined;
  }

  async #save(name: string, issued: Issued): Promise<Issued> {
    const folder = this.#folder;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new PerchError('unavailable', `cannot create the folder ${folder}`, { folder }, error);
    }
    await writeAtomic(join(folder, name), `${issued.keyPem}\n${issued.certPem}\n`);
    return issued;
  }
}

/** SHA-256 of the authority's certificate, `AB:CD:…`; undefined without one. Perch may be running. */
export async function authorityFingerprint(dataDir: string): Promise<string | undefined> {
  const text = await readConfigFile(join(dataDir, 'tls', 'authority.pem'));
  const issued = text === undefined ? undefined : readIssued(text);
  return issued && certificateOf(issued).fingerprint256;
}

/** A key and its certificate from one file; undefined if damaged or mismatched. */
export function readIssued(text: string): Issued | undefined {
  try {
    const keyPem = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '';
    const certPem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0] ?? '';
    const key = createPrivateKey(keyPem);
    // A key of another type cannot sign with `SIGNING`.
    const isOurs = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    return isOurs && new X509Certificate(certPem).checkPrivateKey(key) ? { keyPem, certPem } : undefined;
  } catch {
    return undefined;
  }
}

function isDue(
  authority: X509Certificate,
  server: X509Certificate,
  { dns, ips }: DeviceNames,
  nowMs: number,
  isSet: boolean,
): boolean {
  const hasAll =
    dns.every((name) => server.checkHost(name, { subject: 'never' }) !== undefined) &&
    ips.every((ip) => server.checkIP(ip) !== undefined);
  // An unset clock says nothing about the validity.
  const isInTime =
    !isSet || (nowMs >= server.validFromDate.getTime() && nowMs < server.validToDate.getTime() - SERVER_RENEW_MS);
  return !(hasAll && isInTime && server.checkIssued(authority));
}

function serverValidity(nowMs: number, isSet: boolean, authority: X509Certificate): Validity {
  const untilMs = nowMs + (isSet ? SERVER_MS : SERVER_UNSET_MS);
  return { fromMs: nowMs - SERVER_BACK_MS, untilMs: Math.min(untilMs, authority.validToDate.getTime()) };
}
