import { okResponse, send } from '../api-client/request.ts';

/** What the device takes at most. */
export const MAX_BYTES = 4 << 20;
const LIMIT_MS = 60_000;

interface Camera {
  readonly path: string;
  readonly title: string | null;
}

interface Counts {
  readonly added: number;
  readonly removed: number;
  readonly same: number;
}

/** What is in a backup, and what it would change. */
export interface RestorePlan {
  /** RFC 3339. */
  readonly made: string;
  readonly host: string;
  readonly cameras: {
    readonly added: readonly Camera[];
    readonly removed: readonly Camera[];
    readonly changed: readonly Camera[];
    readonly same: number;
  };
  readonly people: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
    readonly same: readonly string[];
  };
  /** To guests. */
  readonly links: Counts;
  readonly devicePasswords: Counts;
  readonly settings: readonly string[];
  /** Where the page is then, `host:port`. */
  readonly address: string;
  /** Empty: not over https. */
  readonly tlsAddress: string;
  /** Paths that will be disabled, each with what is wrong with it. */
  readonly problems: readonly string[];
}

/** A file that the device makes, under the name that the device gives it. */
export async function fetchFile(address: string): Promise<File> {
  const response = await okResponse(await send(address, {}, LIMIT_MS));
  const [, name = 'perch'] = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '') ?? [];
  return new File([await response.blob()], name);
}

/** @param setupCode where nobody owns the device yet and it asks for one */
export async function checkBackup(file: File, setupCode: string): Promise<RestorePlan> {
  return (await (await post('v3/restore/check', file, setupCode)).json()) as RestorePlan;
}

/** @returns the seconds that the start usually takes which follows */
export async function restoreBackup(file: File, setupCode: string): Promise<number> {
  const { seconds } = (await (await post('v3/restore', file, setupCode)).json()) as { readonly seconds: number };
  return seconds;
}

async function post(address: string, file: File, setupCode: string): Promise<Response> {
  const headers = {
    'Content-Type': 'application/octet-stream',
    // A header takes printable ASCII only; no setup code has anything else.
    ...(setupCode === '' ? {} : { 'Perch-Setup-Code': setupCode.replace(/[^\x21-\x7e]/g, '') }),
  };
  return okResponse(await send(address, { method: 'POST', headers, body: file }, LIMIT_MS));
}
