import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { openHttpSink } from '../../../support/servers/http-sink.ts';
import { vapidClaims } from '../../notify/support/push-service.ts';
import { startBox, startFleet, YARD } from '../support/fleet.ts';
import { openNotifyingServers } from '../support/notifying-servers.ts';

const LIMIT = { timeout: 120_000 };

/** Of the shipped program, where no push service of the test is needed. */
const startServer = (databaseURL: string, isOwned = false): Promise<Agent> =>
  startAgent({ isOwned, config: 'perch: own\npaths:\n  door: {}\n', env: { PERCH_DATABASEURL: databaseURL } });

interface Listed {
  readonly publicKey: string;
  readonly items: readonly { readonly id: string; readonly endpoint: string }[];
}

describeWith(['postgresql'], 'notifications and modes that servers share', () => {
  let postgresql: Postgresql;
  beforeAll(async () => {
    postgresql = await startPostgresql();
  });
  afterAll(() => postgresql[Symbol.asyncDispose]());

  test(
    'a phone that is switched on at one server gets events from the other, once each, after kill -9',
    LIMIT,
    async () => {
      const { url: databaseURL } = await postgresql.database();
      const { service, start, headers, subscription } = await openNotifyingServers();
      const one = await start({ databaseURL });
      const other = await start({ databaseURL });
      await one.ask('POST', '/notifications', subscription);
      const { publicKey } = await one.ask<Listed>('GET', '/notifications');
      const listed = await until(async () => {
        const list = await other.ask<Listed>('GET', '/notifications');
        return list.items.length > 0 ? list : undefined;
      });
      expect(listed).toMatchObject({ publicKey, items: [{ endpoint: subscription.endpoint }] });
      await one.ask('POST', '/events', { path: 'door', type: 'person', id: 'first' });
      await until(() => (service.messages.length > 0 ? true : undefined));
      await one.kill();
      await other.ask('POST', '/events', { path: 'door', type: 'person', id: 'second' });
      await other.ask('POST', '/events', { path: 'door', type: 'doorbell', id: 'third' });
      await until(() => (service.messages.length >= 3 ? true : undefined));
      expect(service.messages.map(({ payload }) => payload['id']).sort()).toEqual(['first', 'second', 'third']);
      for (const { headers } of service.messages) {
        expect(vapidClaims(String(headers['authorization']), publicKey)).toMatchObject({ sub: expect.any(String) });
      }
      // A button of the server that is gone.
      const buttons = service.messages[0]?.payload['buttons'] as readonly { readonly token: string }[] | undefined;
      const token = buttons?.[0]?.token;
      expect(await other.ask('POST', '/notifications/press', { token })).toMatchObject({ undo: { title: 'Undo' } });
      await expect(other.ask('POST', '/notifications/press', { token })).rejects.toThrow('404');
      // It is switched off where the balancer leads to.
      await other.ask('DELETE', `/notifications/${listed.items[0]?.id}`, {});
      await using third = await startServer(databaseURL);
      expect((await asOwner<Listed>({ url: third.url, headers: headers() }, 'GET', '/v3/notifications')).items).toEqual(
        [],
      );
    },
  );

  test('a mode and a channel that are set at one server hold at the other at once', LIMIT, async () => {
    const { url: databaseURL } = await postgresql.database();
    await using one = await startServer(databaseURL, true);
    await using other = await startServer(databaseURL);
    const ask = async <T = Record<string, unknown>>({ url }: Agent, method: string, path: string, body?: object) =>
      asOwner<T>({ url, headers: one.headers }, method, `/v3${path}`, body);
    await using sink = await openHttpSink();
    const settings = { kind: 'ntfy', url: `${sink.url}/topic`, token: '' };
    const rules = [{ cameras: 'all', kinds: ['person'] }];
    const channel = { name: 'Hall', language: 'en', page: 'https://perch.example.net/', rules, settings };
    await ask(one, 'POST', '/notifications/channels', channel);
    const setMs = performance.now();
    await ask(one, 'POST', '/mode', { mode: 'away', hold: true });
    await until(async () => ((await ask(other, 'GET', '/mode'))['mode'] === 'away' ? true : undefined));
    expect(performance.now() - setMs).toBeLessThan(5_000);
    await one.process.stop('SIGKILL');
    await ask(other, 'POST', '/events', { path: 'door', type: 'person' });
    await until(() => (sink.requests.length > 0 ? true : undefined));
    await using third = await startServer(databaseURL);
    expect(await ask(third, 'GET', '/mode')).toMatchObject({ mode: 'away', by: 'user', hold: true });
  });
});

describeWith(['postgresql', 'nats-server'], 'events of boxes that several servers take from the bus', () => {
  test(
    'each acts once, in rules, channels and on phones, also after kill -9 of the server that acted',
    LIMIT,
    async () => {
      await using postgresql = await startPostgresql();
      await using fleet = await startFleet();
      await using yard = startBox(fleet, await fleet.issue('box', YARD));
      await yard.becomes('connected');
      await using sink = await openHttpSink();
      const { url: databaseURL } = await postgresql.database();
      const { service, start, subscription } = await openNotifyingServers();
      const ids = ['a', 'b', 'c'];
      const open = async (name: string) => {
        const folder = temporaryFolder();
        onTestFinished(() => folder[Symbol.dispose]());
        writeFileSync(join(folder.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', name)));
        // Each camera has a rule of its own, because rules pause.
        const ruleOf = (path: string) =>
          `  - {name: ${path}, when: {event: motion, path: yard/${path}}, then: [{url: '${sink.url}/rule/${name}'}]}\n`;
        const pathOf = (path: string) => `  yard/${path}: {source: 'perch://${YARD}/${path}', sourceOnDemand: yes}\n`;
        const lines = (of: (path: string) => string) => [...ids, 'd', 'e'].map(of).join('');
        const config = `natsURL: ${fleet.nats.url}\nrules:\n${lines(ruleOf)}paths:\n${lines(pathOf)}`;
        return { name, ...(await start({ databaseURL, config, dataDir: folder.path })) };
      };
      const servers = [await open('one'), await open('other')];
      const [one, other] = servers as [(typeof servers)[0], (typeof servers)[0]];
      const settings = { kind: 'ntfy', url: `${sink.url}/topic`, token: '' };
      const { language, rules } = subscription;
      await one.ask('POST', '/notifications/channels', {
        ...{ name: 'Hall', page: 'https://perch.example.net/', language, rules, settings },
      });
      await one.ask('POST', '/notifications', subscription);
      const lists = async (id: string) => {
        for (const { ask } of servers) {
          const { items } = await ask<{ readonly items: readonly { readonly id: string }[] }>(
            'GET',
            '/events/list?to=2100-01-01T00:00:00Z',
          );
          if (!items.some((item) => item.id === id)) {
            return undefined;
          }
        }
        return true;
      };
      const acts = (kind: 'rule' | 'topic') => sink.requests.filter(({ target }) => target.startsWith(`/${kind}`));
      const counts = () => [acts('rule').length, acts('topic').length, service.messages.length];
      for (const [i, id] of ids.entries()) {
        yard.source.happens(id, false, id);
        await until(() => lists(id));
        yard.source.happens(id, true, id);
        await until(() => (counts().every((count) => count > i) ? true : undefined));
      }
      const acting = [...new Set(acts('rule').map(({ target }) => target.split('/').at(-1)))];
      expect(acting).toHaveLength(1);
      const [killed, left] = one.name === acting[0] ? [one, other] : [other, one];
      await killed.kill();
      yard.source.happens('d', true, 'd');
      await until(() => (counts().every((count) => count > 3) ? true : undefined));
      expect(acts('rule').at(-1)?.target).toBe(`/rule/${left.name}`);
      expect(service.messages.map(({ payload }) => payload['id'])).toEqual([...ids, 'd']);

      // Without the database each server acts, and none waits for it.
      await postgresql.kill();
      yard.source.happens('e', true, 'e');
      await until(() => (counts().every((count) => count > 4) ? true : undefined));
      expect(counts()).toEqual([5, 5, 5]);
    },
  );
});
