import { expect, onTestFinished, test } from 'vitest';
import { sessionTables } from '../../../../test/support/harness/http/session-tables.ts';
import { silentLogger } from '../../../base/log.ts';
import type { SessionItem } from '../../../protocols/contract.ts';
import { createHttpApp } from '../../listener/app.ts';
import { readerRoutes } from './readers.ts';

const READER = '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const PUBLISHER = '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const kicked: string[] = [];
const table = (...items: SessionItem[]) => ({
  list: () => items,
  kick: (id: string) => kicked.push(id) > 0 && items.some((item) => item.id === id),
});
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 11, 0, seconds)).toISOString();

async function openApp() {
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  await app.register(readerRoutes, {
    sessions: sessionTables({
      webrtcsessions: table(
        { id: 'w1', created: at(3), path: 'door', state: 'read', user: 'ann', remoteAddr: '[fd00::5]:4000' },
        { id: 'w2', created: at(1), path: 'stage', state: 'publish', remoteAddr: '10.0.0.6:4000' },
      ),
      hlsmuxers: table({ created: at(0), path: 'door' }),
      hlssessions: table({ id: 'h1', created: at(2), path: 'yard', user: '', remoteAddr: '10.0.0.7:5000' }),
      rtspconns: table({ id: 'c1', created: at(0), remoteAddr: '10.0.0.8:600' }),
      rtspsessions: table(
        { id: 'r1', created: at(1), path: 'door', state: 'read', remoteAddr: '10.0.0.8:600' },
        { id: 'r2', created: at(1), path: 'door', state: 'idle', remoteAddr: '10.0.0.9:600' },
      ),
      srtconns: table(
        { id: READER, created: at(4), path: 'yard', state: 'read', remoteAddr: '10.0.0.10:700' },
        { id: PUBLISHER, created: at(4), path: 'stage', state: 'publish', remoteAddr: '10.0.0.11:700' },
      ),
    }),
  });
  return app;
}

async function openApi() {
  const app = await openApp();
  return async (query: string) => (await app.inject(`/readers/list${query}`)).json();
}

test('readers of all protocols are one list, the oldest first, without publishers, muxers and idle sessions', async () => {
  const list = await openApi();
  const { itemCount, items } = await list('');
  expect(itemCount).toBe(4);
  expect(items).toEqual([
    { path: 'door', protocol: 'rtsp', type: 'rtspSession', id: 'r1', user: '', clientIP: '10.0.0.8', created: at(1) },
    { path: 'yard', protocol: 'hls', type: 'hlsSession', id: 'h1', user: '', clientIP: '10.0.0.7', created: at(2) },
    {
      ...{ path: 'door', protocol: 'webrtc', type: 'webRTCSession', id: 'w1' },
      ...{ user: 'ann', clientIP: 'fd00::5', created: at(3) },
    },
    { path: 'yard', protocol: 'srt', type: 'srtConn', id: READER, user: '', clientIP: '10.0.0.10', created: at(4) },
  ]);
});

test('readers are listed of one path, and by pages', async () => {
  const list = await openApi();
  const ids = async (query: string) => (await list(query)).items.map(({ id }: { id: string }) => id);
  expect(await ids('?path=door')).toEqual(['r1', 'w1']);
  expect(await ids('?path=nowhere')).toEqual([]);
  expect(await ids('?itemsPerPage=3&page=1')).toEqual([READER]);
});

test('a reader of any protocol is disconnected by its id, a publisher is not', async () => {
  const app = await openApp();
  kicked.length = 0;
  const kick = async (id: string) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url: `/readers/kick/${id}` });
    return [statusCode, JSON.parse(body)];
  };
  expect(await kick(READER)).toEqual([200, { status: 'ok' }]);
  expect(await kick(PUBLISHER)).toEqual([404, { status: 'error', error: 'reader not found' }]);
  expect(await kick(READER.replace('0b', '1b'))).toEqual([404, { status: 'error', error: 'reader not found' }]);
  expect(await kick('s1')).toMatchObject([400, { status: 'error' }]);
  expect(kicked).toEqual([READER]);
});
