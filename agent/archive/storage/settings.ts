/** A bucket on object storage that speaks S3. */
export interface S3Settings {
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
  readonly archiveFolder: string;
  /** First part of the names, without slashes at its ends; may be empty. */
  readonly archivePrefix: string;
}

export interface ArchiveSettings extends TargetSettings {
  /** Bytes in a second; 0: no limit. */
  readonly archiveMaxRateBytes: number;
  /** `22:00-06:00`, local time; empty: always. */
  readonly archiveHours: string;
}

/** The place itself: recordings archived in another one count for nothing there. */
export const placeOf = (settings: TargetSettings): string =>
  settings.archive === 'folder'
    ? `folder ${settings.archiveFolder} ${settings.archivePrefix}`
    : `s3 ${settings.archiveURL.replace(/\/+$/, '')} ${settings.archiveBucket} ${settings.archivePrefix}`;
