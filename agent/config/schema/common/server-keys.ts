import type { Static, TObject, TProperties } from 'typebox';
import type { Resolved } from '../../values/quantity.ts';
import type { GeneralSettings } from './general.ts';
import type { Fault, Renames, UnsupportedGroup } from './key-rules.ts';

/** Private key and certificate of a port. */
export interface KeyPairUse {
  /** As messages call it: `HLS`. */
  readonly server: string;
  /** `hls` of `hlsServerKey` and `hlsServerCert`. */
  readonly prefix: string;
  readonly key: string;
  readonly cert: string;
  /** Why the port needs them, such as `hlsEncryption is on`. */
  readonly reason: string;
}

/** A TCP port that a server opens. */
export interface PortUse {
  /** Key of the setting: `hlsAddress`. */
  readonly key: string;
  /** Address of the port; empty: it is not open. */
  readonly address: string;
  readonly keyPair?: KeyPairUse;
  /** MediaMTX opens nothing here, so its files do not know the port. */
  readonly isOfPerch?: true;
}

export type ServerSettings<Keys extends TProperties> = GeneralSettings & Resolved<Static<TObject<Keys>>>;

/** The top-level keys of one server. Names and defaults are MediaMTX's. */
export interface ServerKeys<Keys extends TProperties = TProperties> {
  readonly schema: Keys;
  /** Ports on which the server listens; none while it is off. */
  listeners(settings: ServerSettings<Keys>): readonly PortUse[];
  /** @param isOwn Perch made the file itself */
  faults(settings: ServerSettings<Keys>, isOwn: boolean): readonly Fault[];
  /** Defaults in a file of Perch's own that depend on other settings. */
  ownDefaults?(settings: ServerSettings<Keys>): object;
  /** MediaMTX's keys of this server that do nothing here yet. */
  readonly inert: readonly UnsupportedGroup[];
  readonly renamed: Renames;
}

type Switches<Name extends string> = Readonly<Record<Name | `${Name}Encryption`, boolean>>;
type KeyPairNames<Name extends string> = Readonly<Record<`${Name}ServerKey` | `${Name}ServerCert`, string>>;

/** The port of a server that speaks HTTP; none while it is off. */
export function httpPort<Name extends string>(
  name: Name,
  server: string,
  settings: Switches<Name> & Readonly<Record<`${Name}Address`, string>> & KeyPairNames<Name>,
): readonly PortUse[] {
  const switches: Switches<Name> = settings;
  const addresses: Readonly<Record<`${Name}Address`, string>> = settings;
  if (!switches[name]) {
    return [];
  }
  const port = { key: `${name}Address`, address: addresses[`${name}Address`] };
  return switches[`${name}Encryption`]
    ? [{ ...port, keyPair: keyPairOf(name, server, settings, `${name}Encryption is on`) }]
    : [port];
}

export const keyPairOf = <Name extends string>(
  prefix: Name,
  server: string,
  settings: KeyPairNames<Name>,
  reason: string,
): KeyPairUse => ({
  server,
  prefix,
  key: settings[`${prefix}ServerKey`],
  cert: settings[`${prefix}ServerCert`],
  reason,
});
