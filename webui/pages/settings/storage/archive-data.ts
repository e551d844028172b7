/** Keys of the configuration in the form. */
export interface ArchiveConfig {
  readonly archive: 'no' | 's3' | 'folder';
  readonly archiveFolder: string;
  readonly archiveURL: string;
  readonly archiveBucket: string;
  readonly archiveRegion: string;
  readonly archiveAccessKey: string;
  readonly archiveEncryption: 'auto' | 'no' | 'yes';
  readonly archiveMaxRate: string;
  readonly archiveHours: string;
}

/** The secret key is typed only to change it. */
export interface ArchiveValues extends ArchiveConfig {
  readonly archiveSecretKey: string;
}

/** Archive settings of all cameras that have none of their own. */
export interface ScopeConfig {
  readonly recordArchive: 'no' | 'protected' | 'all';
  readonly recordArchiveDeleteAfter: string;
}

export const RATE = /^\d+(\.\d+)?[KMG]$/;

/** URL of the server; a host name alone means https. */
export function serverUrlOf(typed: string): string {
  const text = typed.trim().replace(/\/+$/, '');
  return text === '' || text.includes('://') ? text : `https://${text}`;
}

export const isServerUrl = (url: string): boolean => /^https?:\/\/[^\s@?#]+$/.test(url) && URL.canParse(url);

/** No limit is an empty text. */
const rateOf = (text: string): string => (Number.parseFloat(text) === 0 ? '' : text);

export const valuesOf = (config: ArchiveConfig): ArchiveValues => ({
  archive: config.archive,
  archiveFolder: config.archiveFolder,
  archiveURL: config.archiveURL,
  archiveBucket: config.archiveBucket,
  archiveRegion: config.archiveRegion,
  archiveAccessKey: config.archiveAccessKey,
  archiveSecretKey: '',
  archiveEncryption: config.archiveEncryption,
  archiveMaxRate: rateOf(config.archiveMaxRate),
  archiveHours: config.archiveHours,
});

/** An empty secret key is none that was typed: Undo keeps the new one. */
export const changeOf = ({
  archiveURL,
  archiveSecretKey,
  archiveMaxRate,
  ...changed
}: Partial<ArchiveValues>): object => ({
  ...changed,
  ...(archiveURL !== undefined && { archiveURL: serverUrlOf(archiveURL) }),
  ...(archiveMaxRate !== undefined && { archiveMaxRate: archiveMaxRate.trim() === '' ? '0B' : archiveMaxRate.trim() }),
  ...(archiveSecretKey && { archiveSecretKey }),
});

/** What a test tries: the form as it is. */
export function testOf(values: ArchiveValues): object {
  const { archiveMaxRate: _, archiveHours: __, archiveSecretKey, archiveURL, ...tested } = values;
  return { ...tested, archiveURL: serverUrlOf(archiveURL), ...(archiveSecretKey !== '' && { archiveSecretKey }) };
}
