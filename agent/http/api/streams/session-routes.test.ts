import { expect, onTestFinished, test } from 'vitest';
import { ID } from '../../../../test/support/harness/http/control-api-harness.ts';
import { sessionTables } from '../../../../test/support/harness/http/session-tables.ts';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../listener/app.ts';
import { sessionRoutes } from './session-routes.ts';

const QUERY = 'jwt=eyJhbGciOi&camera=1&pass=blue%20heron&token=abc&streamid=publish:door:tom:secret';

test.for(['rtspsessions', 'rtmpconns', 'srtconns', 'webrtcsessions', 'hlssessions'])(
  '%s show no token and no password of the query',
  async (collection) => {
    const app = createHttpApp({ log: silentLogger });
    onTestFinished(() => app.close());
    const created = new Date(0).toISOString();
    const item = { id: ID, created, path: 'door', state: 'read', user: '', remoteAddr: '10.0.0.5:4000', query: QUERY };
    await app.register(sessionRoutes, { sessions: sessionTables({ [collection]: { list: () => [item] } }) });
    const shown = 'jwt=***&camera=1&pass=***&token=***&streamid=***';
    const list = await app.inject(`/${collection}/list`);
    expect(list.json().items[0].query).toBe(shown);
    const one = await app.inject(`/${collection}/get/${ID}`);
    expect(one.json().query).toBe(shown);
  },
);
