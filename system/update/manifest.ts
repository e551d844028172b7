import type { PerchError } from '../../agent/base/errors.ts';
import { refusal } from './reasons.ts';
import { compareVersions, isVersion } from './version.ts';

/** An update has at most one of each per architecture. */
export type PackageName = 'perch' | 'perch-node';
/** A whole system of the image, with Debian. It comes in an update of its own. */
export const SYSTEM_PACKAGE = 'perch-system';
const ARCHITECTURES = ['all', 'amd64', 'arm64'] as const;
export type PackageArchitecture = (typeof ARCHITECTURES)[number];

export interface UpdatePackage<Name extends string = PackageName> {
  readonly name: Name;
  readonly version: string;
  readonly architecture: PackageArchitecture;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha512: string;
}

/** Contents of an update: the signed part of the file. */
export interface Manifest<Name extends string = PackageName> {
  readonly version: string;
  /** RFC 3339. */
  readonly made: string;
  /** Packages in the order in which they follow in the file. */
  readonly packages: readonly UpdatePackage<Name>[];
}
export type SystemManifest = Manifest<typeof SYSTEM_PACKAGE>;
export type AnyManifest = Manifest | SystemManifest;

export const isSystem = (manifest: AnyManifest): manifest is SystemManifest =>
  manifest.packages[0]?.name === SYSTEM_PACKAGE;

const FORMAT = 'perch-update';
/** Differs from `FORMAT`, so that a Perch that knows only packages rejects a system. */
const SYSTEM_FORMAT = 'perch-system-update';
const FORMAT_VERSION = 1;
/** Perch, and its Node for two architectures, with room to spare. */
const MAX_PACKAGES = 4;
export const MAX_UPDATE_BYTES = 320 << 20;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;
const SHOWN_CHARS = 64;

export function writeManifest(manifest: AnyManifest): string {
  const { version, made, packages } = manifest;
  const format = isSystem(manifest) ? SYSTEM_FORMAT : FORMAT;
  return JSON.stringify({ format, formatVersion: FORMAT_VERSION, version, made, packages });
}

/** dpkg's file name, built from checked parts, so that it cannot leave its folder. */
export const debName = ({ name, version, architecture }: UpdatePackage<string>): string =>
  `${name}_${version}_${architecture}.deb`;

/** @throws PerchError badInput with the fault */
export function parseManifest(text: string): AnyManifest {
  const json = objectIn(text);
  const { version, made, listed } = commonOf(json);
  if (json['format'] === FORMAT) {
    // Fits the package of Node with little compression.
    const packages = listed.map((value) => packageIn(value, isOfPerch, 160 << 20));
    checkTogether(version, packages);
    return { version, made, packages };
  }
  const packages = listed.map((value) => packageIn(value, isOfSystem, MAX_UPDATE_BYTES));
  if (packages.length > 1 || packages[0]?.version !== version) {
    throw damaged(`the update to ${version} must have one system, of this version`);
  }
  return { version, made, packages };
}

function commonOf(json: Readonly<Record<string, unknown>>) {
  if (json['format'] !== FORMAT && json['format'] !== SYSTEM_FORMAT) {
    throw damaged('the manifest is not of an update of Perch');
  }
  if (json['formatVersion'] !== FORMAT_VERSION) {
    const shown = JSON.stringify(json['formatVersion'])?.slice(0, SHOWN_CHARS);
    const message = `the update has format ${shown}, this Perch reads format ${FORMAT_VERSION}`;
    throw refusal('badInput', message, 'laterFormat');
  }
  const { version, made, packages: listed } = json;
  if (typeof version !== 'string' || !isVersion(version)) {
    throw damaged('the update has no version');
  }
  if (typeof made !== 'string' || !TIME.test(made)) {
    throw damaged('the update has no time');
  }
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MAX_PACKAGES) {
    throw damaged(`the update must have 1 to ${MAX_PACKAGES} packages`);
  }
  return { version, made, listed: listed as readonly unknown[] };
}

type Kind = Pick<UpdatePackage<string>, 'name' | 'architecture'>;
const isOfPerch = (kind: Kind): kind is Kind & { name: PackageName } =>
  kind.name === 'perch' ? kind.architecture === 'all' : kind.name === 'perch-node' && kind.architecture !== 'all';
const isOfSystem = (kind: Kind): kind is Kind & { name: typeof SYSTEM_PACKAGE } =>
  kind.name === SYSTEM_PACKAGE && kind.architecture === 'arm64';

function packageIn<Name extends string>(
  value: unknown,
  isKnown: (kind: Kind) => kind is Kind & { name: Name },
  maxBytes: number,
): UpdatePackage<Name> {
  const { name, version, architecture, sizeBytes, sha512 } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const known = ARCHITECTURES.find((one) => one === architecture);
  const kind = { name: String(name), architecture: known ?? 'all' };
  if (known === undefined || !isKnown(kind)) {
    throw damaged(
      `the update has the package ${kind.name.slice(0, SHOWN_CHARS)} for ${String(architecture).slice(0, SHOWN_CHARS)}, which no box installs`,
    );
  }
  if (typeof version !== 'string' || !isVersion(version)) {
    throw damaged(`${name} of the update has no version`);
  }
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw damaged(`${name} of the update has no size`);
  }
  if (sizeBytes > maxBytes) {
    throw damaged(`${name} of the update has ${sizeBytes} bytes, the limit is ${maxBytes}`);
  }
  if (typeof sha512 !== 'string' || !/^[0-9a-f]{128}$/.test(sha512)) {
    throw damaged(`${name} of the update has no SHA-512`);
  }
  return { name: kind.name, version, architecture: known, sizeBytes, sha512 };
}

function checkTogether(version: string, packages: readonly UpdatePackage[]): void {
  const kinds = new Set(packages.map(({ name, architecture }) => `${name} ${architecture}`));
  if (kinds.size < packages.length) {
    throw damaged('the update has a package twice');
  }
  // `checkNewer` compares only the version of the update, so it has to be that of perch.
  if (packages.find(({ name }) => name === 'perch')?.version !== version) {
    throw damaged(`the update to ${version} has no perch ${version}`);
  }
  const bytes = packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes > MAX_UPDATE_BYTES) {
    throw damaged(`the packages of the update have ${bytes} bytes, the limit is ${MAX_UPDATE_BYTES}`);
  }
}

/** @param installed undefined if not installed @throws PerchError badInput */
export function checkNewer({ version }: Pick<AnyManifest, 'version'>, installed: string | undefined): void {
  if (installed === undefined || !isVersion(installed)) {
    throw refusal('badInput', `Perch ${installed ?? ''} was not installed by its package`, 'unknownVersion');
  }
  const order = compareVersions(version, installed);
  if (order <= 0) {
    const message = `the update is version ${version}, this box has ${installed}`;
    throw refusal('badInput', message, order === 0 ? 'same' : 'older');
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) {
      return json as Readonly<Record<string, unknown>>;
    }
  } catch {}
  throw damaged('the manifest is not JSON');
}

export const damaged = (message: string): PerchError => refusal('badInput', message, 'damaged');
