import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OWNER_PASSWORD, until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type ComposedFleet, DOMAIN, startComposedFleet } from '../support/composed-fleet.ts';

const ANNAS_PASSWORD = 'a heron in the reeds';
const ANNA = { name: 'anna', cameras: 'all', live: true, recordings: true, talk: false };

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** A browser that keeps cookies. */
function browserOf(fleet: ComposedFleet, name: string) {
  const jar = join(fleet.folder, `${name}.cookies`);
  const request = async (method: string, url: string, body?: object): Promise<Answer> => {
    const { code, output } = await fleet.run(
      ...['curl', '-sS', '--cacert', fleet.authority, '-b', jar, '-c', jar, '-X', method, '-i'],
      ...['-H', 'sec-fetch-site: same-origin'],
      ...(body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : []),
      url,
    );
    expect([code, output]).toEqual([0, expect.any(String)]);
    const [headers = '', ...rest] = output.split('\r\n\r\n');
    return { status: Number(headers.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
  };
  return {
    request,
    logIn: (user: string, password: string, host = DOMAIN) =>
      until(async () => {
        const answer = await request('POST', `https://${host}/v3/session`, { user, password });
        return answer.status === 200 ? answer : undefined;
      }),
    user: async (host = DOMAIN): Promise<unknown> =>
      JSON.parse((await request('GET', `https://${host}/v3/session`)).body).user,
    /** Of database and bus. */
    faults: async (): Promise<string> => {
      const { body } = await request('GET', `https://${DOMAIN}/v3/problems/list`);
      const items: readonly { readonly kind: string; readonly text: string }[] = JSON.parse(body).items;
      return items.flatMap(({ kind, text }) => (kind === 'fleet' ? [text] : [])).join('; ');
    },
  };
}

describeWith(['namespaces', 'haproxy', 'nats-server', 'postgresql', 'curl'], 'packaging/fleet', () => {
  test('its files start a fleet: who is added at one server logs in at the other, and stays when that one ends', {
    timeout: 300_000,
  }, async () => {
    await using fleet = await startComposedFleet();
    const { folder } = fleet;
    const haproxy = await fleet.run('env', `DOMAIN=${DOMAIN}`, 'haproxy', '-c', '-f', join(folder, 'haproxy.cfg'));
    expect(haproxy).toMatchObject({ code: 0, output: expect.stringContaining('Configuration file is valid') });
    expect(haproxy.output).not.toMatch(/warning|alert/i);
    const nats = await fleet.run('/usr/sbin/nats-server', '-t', '-c', join(folder, 'nats.conf'));
    expect(nats).toMatchObject({ code: 0, output: expect.stringContaining('is valid') });

    await fleet.perch('one', ['claim', join(folder, 'perch.yml')], `${OWNER_PASSWORD}\n`);
    const owner = browserOf(fleet, 'owner');
    const { headers } = await owner.logIn('owner', OWNER_PASSWORD);
    // Perch has learnt from HAProxy that the browser has https.
    expect(headers).toMatch(/^set-cookie: (?!perch-server).*; secure/im);
    const [, server = ''] = /^set-cookie: perch-server=(one|two);/im.exec(headers) ?? [];
    const other = `${server === 'one' ? 'two' : 'one'}.${DOMAIN}`;
    await until(async () => ((await owner.faults()) === '' ? true : undefined)).catch(async (cause: unknown) => {
      throw new Error(await owner.faults(), { cause });
    });

    const added = await owner.request('POST', `https://${DOMAIN}/v3/users`, { ...ANNA, password: ANNAS_PASSWORD });
    expect([added.status, added.body]).toEqual([200, expect.any(String)]);
    const anna = browserOf(fleet, 'anna');
    await anna.logIn('anna', ANNAS_PASSWORD, other);
    expect(await anna.user(other)).toBe('anna');

    // What one page changes in the configuration is that of all servers.
    const gate = await owner.request('POST', `https://${DOMAIN}/v3/config/paths/add/gate`, { source: 'publisher' });
    expect([gate.status, gate.body]).toEqual([200, expect.any(String)]);
    const there = browserOf(fleet, 'there');
    await there.logIn('owner', OWNER_PASSWORD, other);
    await until(async () =>
      (await there.request('GET', `https://${other}/v3/config/paths/get/gate`)).status === 200 ? true : undefined,
    );

    await fleet.stop(server === 'one' ? 'one' : 'two');
    expect(await owner.user()).toBe('owner');
    const plain = await owner.request('GET', `http://${DOMAIN}/live`);
    expect([plain.status, plain.headers]).toEqual([301, expect.stringContaining(`location: https://${DOMAIN}/live`)]);
  });
});
