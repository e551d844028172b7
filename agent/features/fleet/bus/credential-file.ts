/** In the data folder, and in no backup: it is a key, and backups are not encrypted. */
export const CREDENTIAL_FILE = 'fleet.json';
