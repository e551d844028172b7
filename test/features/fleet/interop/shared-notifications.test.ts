import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { openHttpSink } from '../../../support/servers/http-sink.ts';
import { vapidClaims } from '../../notify/support/push-service.ts';
import { openNotifyingServers } from '../support/notifying-servers.ts';

const LIMIT = { timeout: 120_000 };

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
      const { service, start, subscription } = await openNotifyingServers();
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
      // It is switched off where the balancer leads to.
      await other.ask('DELETE', `/notifications/${listed.items[0]?.id}`, {});
      const third = await start({ databaseURL });
      expect((await third.ask<Listed>('GET', '/notifications')).items).toEqual([]);
    },
  );

  test('a mode and a channel that are set at one server hold at the other at once', LIMIT, async () => {
    const { url: databaseURL } = await postgresql.database();
    const { start } = await openNotifyingServers();
    const one = await start({ databaseURL });
    const other = await start({ databaseURL });
    await using sink = await openHttpSink();
    const settings = { kind: 'ntfy', url: `${sink.url}/topic`, token: '' };
    const rules = [{ cameras: 'all', kinds: ['person'] }];
    const channel = { name: 'Hall', language: 'en', page: 'https://perch.example.net/', rules, settings };
    await one.ask('POST', '/notifications/channels', channel);
    const setMs = performance.now();
    await one.ask('POST', '/mode', { mode: 'away', hold: true });
    await until(async () => ((await other.ask('GET', '/mode'))['mode'] === 'away' ? true : undefined));
    expect(performance.now() - setMs).toBeLessThan(5_000);
    await one.kill();
    await other.ask('POST', '/events', { path: 'door', type: 'person' });
    await until(() => (sink.requests.length > 0 ? true : undefined));
    const third = await start({ databaseURL });
    expect(await third.ask('GET', '/mode')).toMatchObject({ mode: 'away', by: 'user', hold: true });
  });
});
