import Type, { type Static, type TObject } from 'typebox';
import { canonicalIp, isPrivateIp } from '../../base/network/ip-address.ts';
import type { Fault } from '../../config/schema/common/key-rules.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { Duration } from '../../config/values/duration.ts';
import type { Resolved } from '../../config/values/quantity.ts';
import { formatSize, Size } from '../../config/values/size.ts';

/** Lowest rate limit: below it a connection would be silent for too long. */
const MIN_RATE_BYTES = 64 << 10;

const schema = {
  archive: Type.Enum(['no', 's3', 'folder'], {
    default: 'no',
    words: { yes: 's3', no: 'no' },
    description:
      'Copy finished recordings to a bucket (s3; yes is the same), or to a folder on a NAS or a second disk.',
  }),
  archiveFolder: Type.String({
    names: 'folder',
    default: '',
    maxLength: 1_000,
    syntax: 'folder',
    description: 'With archive: folder, its path. It must exist, so that a missing disk is noticed.',
  }),
  archiveURL: Type.String({
    default: '',
    maxLength: 300,
    syntax: 'askedUrl',
    description: 'With archive: s3, URL of the server: https://HOST. http:// only for private addresses.',
  }),
  archiveBucket: Type.String({ default: '', syntax: 'bucket', description: 'Name of the bucket.' }),
  archivePrefix: Type.String({
    default: 'perch',
    syntax: 'objectPrefix',
    description: 'First part of the names in the archive. The id of this box follows.',
  }),
  archiveRegion: Type.String({ default: 'us-east-1', syntax: 'region', description: 'Region of the bucket.' }),
  archiveAccessKey: Type.String({ default: '', maxLength: 256, description: 'Id of the access key.' }),
  archiveSecretKey: Type.String({ default: '', maxLength: 256, secret: true, description: 'The access key itself.' }),
  archivePathStyle: Type.Boolean({
    default: true,
    description: 'Address the bucket as HOST/BUCKET. no = BUCKET.HOST.',
  }),
  archiveEncryption: Type.Enum(['auto', 'no', 'yes'], {
    default: 'auto',
    words: { yes: 'yes', no: 'no' },
    description:
      'Encrypt recordings in the archive with a key of this box. auto = at S3 servers outside the local network.',
  }),
  archiveMaxRate: Size('0B', 'Send at most this much a second, such as 2M. 0 = no limit.'),
  archiveHours: Type.String({
    default: '',
    syntax: 'hours',
    description: 'Send only in these hours of local time, such as 22:00-06:00. Empty, or the same time twice = always.',
  }),
};
const pathSchema = {
  recordArchive: Type.Enum(['no', 'protected', 'all'], {
    default: 'all',
    isLive: true,
    words: { yes: 'all', no: 'no' },
    description:
      'What goes to the archive: all recordings, protected ones and clips of record: motion (protected), or none.',
  }),
  recordArchiveDeleteAfter: Duration(
    '0s',
    'Delete recordings from the archive that began longer ago than this. 0s = never.',
    { isLive: true },
  ),
};

/** The archive of recordings: a second copy on object storage, a NAS or another disk. */
export const ARCHIVE: FeatureKeys<typeof schema, typeof pathSchema> = {
  title: 'Recordings and archive',
  schema,
  pathSchema,
  isRight: true,
  faults: archiveFaults,
};

export function archiveFaults(settings: Resolved<Static<TObject<typeof schema>>>): readonly Fault[] {
  const { archive, archiveMaxRateBytes: rate } = settings;
  const needs = {
    no: [],
    folder: ['archiveFolder'],
    s3: ['archiveURL', 'archiveBucket', 'archiveAccessKey', 'archiveSecretKey'],
  } as const;
  const missing = needs[archive].filter((key) => settings[key] === '');
  const urlFault = archiveUrlFault(settings.archiveURL, settings.archivePathStyle);
  return [
    ...(missing.length > 0 ? [{ key: 'archive', message: `'${archive}' needs ${missing.join(', ')}` }] : []),
    ...(urlFault === undefined ? [] : [{ key: 'archiveURL', message: urlFault }]),
    ...(rate !== 0 && rate < MIN_RATE_BYTES
      ? [{ key: 'archiveMaxRate', message: `'${formatSize(rate)}' is less than 64K: 0 = no limit` }]
      : []),
  ];
}

/** Checks the address of the object storage. A host name is checked when it is resolved. */
function archiveUrlFault(url: string, isPathStyle: boolean): string | undefined {
  if (!URL.canParse(url)) {
    return undefined;
  }
  const { protocol, hostname, search, hash } = new URL(url);
  if (search !== '' || hash !== '') {
    return 'has a query or a fragment: write the address of the server only';
  }
  const ip = canonicalIp(hostname.replace(/^\[(.*)\]$/, '$1'));
  if (ip !== undefined && !isPathStyle) {
    return 'is an IP address, which cannot have a bucket in its host name: write archivePathStyle: yes';
  }
  return protocol === 'http:' && ip !== undefined && !isPrivateIp(ip)
    ? 'sends recordings over the internet in clear: write https://'
    : undefined;
}
