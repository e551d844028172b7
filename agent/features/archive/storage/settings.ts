import { canonicalIp, isPrivateIp } from '../../../base/network/ip-address.ts';

/** Names that only the local network knows (RFC 6762, RFC 8375, and what routers and administrators use). */
const LOCAL_SUFFIXES = ['.local', '.lan', '.home', '.internal', '.home.arpa', '.localdomain', '.localhost'];

/** Whether an address or a name is one of the local network, by its look: a name is not resolved. */
function isLanHost(host: string): boolean {
  const bare = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  const ip = canonicalIp(bare);
  return ip === undefined
    ? !bare.includes('.') || LOCAL_SUFFIXES.some((suffix) => bare.endsWith(suffix))
    : isPrivateIp(ip);
}

/** A bucket on object storage that speaks S3. */
interface S3Settings {
  /** `https://s3.eu-central-1.amazonaws.com`, without credentials, query and fragment. */
  readonly archiveURL: string;
  readonly archiveBucket: string;
  readonly archiveRegion: string;
  readonly archiveAccessKey: string;
  readonly archiveSecretKey: string;
  /** `URL/BUCKET/KEY`, not `BUCKET.URL/KEY`. */
  readonly archivePathStyle: boolean;
}

export interface TargetSettings extends S3Settings {
  readonly archive: 'no' | 's3' | 'folder';
  readonly archiveEncryption: 'auto' | 'no' | 'yes';
  readonly archiveFolder: string;
  /** First part of the object names, without leading or trailing slashes; may be empty. */
  readonly archivePrefix: string;
}

export interface ArchiveSettings extends TargetSettings {
  /** Maximum rate in bytes per second; 0: no limit. */
  readonly archiveMaxRateBytes: number;
  /** When uploads are permitted, such as `22:00-06:00`, in local time; empty: always. */
  readonly archiveHours: string;
}

/** Whether new objects are encrypted. `auto`: yes on an S3 server that is not in the local network. */
export function isEncrypted({ archive, archiveEncryption, archiveURL }: TargetSettings): boolean {
  if (archiveEncryption !== 'auto') {
    return archiveEncryption === 'yes';
  }
  return archive === 's3' && URL.canParse(archiveURL) && !isLanHost(new URL(archiveURL).hostname);
}

/** Whether the server must have a private address: the connection is plain http, or `auto` leaves recordings unencrypted because of the host name. */
export const needsPrivateAddress = (settings: TargetSettings): boolean =>
  settings.archiveURL.startsWith('http:') || (settings.archiveEncryption === 'auto' && !isEncrypted(settings));

/** Identifies the archive's place. Recordings archived in another place do not count as archived here. */
export const placeOf = (settings: TargetSettings): string =>
  settings.archive === 'folder'
    ? `folder ${settings.archiveFolder} ${settings.archivePrefix}`
    : `s3 ${settings.archiveURL.replace(/\/+$/, '')} ${settings.archiveBucket} ${settings.archivePrefix}`;
