import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startProcess } from '../../../peers/programs/process.ts';
import { openPushService } from '../../notify/support/push-service.ts';

const PROGRAM = join(import.meta.dirname, 'notifying-server.ts');

interface ServerOptions {
  readonly databaseURL: string;
  /** Appended to the configuration. */
  readonly config?: string;
  readonly dataDir?: string;
}

/** Servers of one database as separate processes, and the push service of a phone. The first one that starts is claimed. */
export async function openNotifyingServers() {
  const service = await openPushService();
  onTestFinished(() => service[Symbol.asyncDispose]());
  let cookie = '';
  const headers = () => ({ 'sec-fetch-site': 'same-origin', cookie });
  const start = async ({ databaseURL, config = 'paths:\n  door:\n', dataDir = '' }: ServerOptions) => {
    const server = startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], {
      ...{ DATABASE_URL: databaseURL, MORE_CONFIG: config, DATA_DIR: dataDir },
      ...{ PUSH_PORT: String(service.port), PUSH_CA: service.https.ca },
    });
    onTestFinished(async () => void (await server.stop('SIGKILL')));
    const [, text = ''] = await server.waitFor(/Started (\{.*\})/);
    const started = JSON.parse(text) as { readonly url: string; readonly cookie: string };
    cookie ||= started.cookie;
    const ask = async <T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T> => {
      const answer = await fetch(`${started.url}/v3${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers() },
        ...(body && { body: JSON.stringify(body) }),
      });
      if (!answer.ok) {
        throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      }
      return (await answer.json()) as T;
    };
    return { ask, url: started.url, output: () => server.output(), kill: () => server.stop('SIGKILL') };
  };
  const rules = [{ cameras: 'all', kinds: ['person', 'doorbell', 'motion'] }];
  return { service, start, headers, subscription: { ...service.subscription, language: 'en', rules } };
}
