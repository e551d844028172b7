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

/** The rate as the form has it: an empty text for no limit. */
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

/** The change to send. An empty secret key was not typed and is left out, so Undo keeps the new key. */
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

/** Body of the connection test: the form's unsaved values. */
export function testOf(values: ArchiveValues): object {
  const { archiveMaxRate: _, archiveHours: __, archiveSecretKey, archiveURL, ...tested } = values;
  return { ...tested, archiveURL: serverUrlOf(archiveURL), ...(archiveSecretKey !== '' && { archiveSecretKey }) };
}
