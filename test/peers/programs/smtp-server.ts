import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AV_PYTHON } from './peers.ts';
import { startProcess } from './process.ts';

const HERE = import.meta.dirname;
const [CERT, KEY] = ['crt', 'key'].map((end) => join(HERE, `../../fixtures/tls/server.${end}`));
/** Certificate of the server with TLS. */
export const MAIL_CA = readFileSync(CERT ?? '', 'utf8');

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly html: string;
  /** `bytes` are base64. */
  readonly files: readonly Readonly<Record<'type' | 'disposition' | 'name' | 'id' | 'bytes', string>>[];
}

interface SmtpOptions {
  readonly security: 'none' | 'starttls' | 'tls';
  /** User and password, without which it takes nothing. */
  readonly login?: readonly [string, string];
  /** Number of messages that are refused for now. */
  readonly later?: number;
  /** Number of times that a recipient whose name begins with `busy` is refused for now. */
  readonly busy?: number;
  /** Maximum size of a message (RFC 1870). */
  readonly maxBytes?: number;
}

/** PyPI's aiosmtpd: it rejects recipients whose name begins with `nobody`. */
export async function startSmtpServer(options: SmtpOptions) {
  const file = join(HERE, '../clients/smtp-server.py');
  const running = startProcess(AV_PYTHON, [file, JSON.stringify({ ...options, cert: CERT, key: KEY })]);
  const [, port] = await running.waitFor(/"port": (\d+)/);
  const lines = () =>
    running
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  return {
    port: Number(port),
    mails: () => lines().filter((line) => 'headers' in line) as unknown as readonly Mail[],
    refused: () => lines().filter((line) => 'refused' in line).length,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}
