import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { linkPinOf, type NewLinkedBox } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { privateKeyOf } from '../../../../agent/features/away/keys/away-file.ts';
import { writeAwayInvitation } from '../../../../agent/features/away/keys/invitation.ts';
import type { AwayServerItem } from '../../../../agent/features/away/routes.ts';
import { BoxClient } from '../../../../agent/features/boxes/client/box-client.ts';
import { SELF_PATH } from '../../../../agent/features/boxes/client/box-link.ts';
import type { PairedServerItem } from '../../../../agent/features/boxes/serving/paired-server-routes.ts';
import { AGENT, OWNER_PASSWORD, startAgent } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { startLinkServer } from '../support/link-server.ts';

test('within a link a server gets nothing without a signature, not even with the password of the owner', async () => {
  const { called, invitations, boxLinks, added } = await startLinkServer(systemClock);
  await using box = await startAgent({ isOwned: true });
  const { secret, key } = invitations.create();
  const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Hostile' });
  const joined = await asOwner<AwayServerItem>(box, 'POST', '/v3/away/servers', { invitation });
  expect(joined).toMatchObject({ name: 'Hostile', state: 'connected' });
  const id = added[0]?.id ?? '';
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const outgoing = request({ createConnection: () => boxLinks.open(id), method, path, headers });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return [path, answer.statusCode, (await text(answer)).includes('signed') || method === 'HEAD'];
  };
  const login = { authorization: `Basic ${Buffer.from(`owner:${OWNER_PASSWORD}`).toString('base64')}` };
  const forged = {
    'signature-input':
      'perch=("@method" "@path" "@query" "perch-run");created=1;expires=2;nonce="AAAAAAAAAAAAAAAA";keyid="x";alg="ed25519";tag="perch"',
    signature: `perch=:${'A'.repeat(86)}==:`,
  };
  for (const [method, path, headers] of [
    ['GET', '/', {}],
    ['GET', '/health', {}],
    ['HEAD', '/health', {}],
    ['GET', '/nothing-is-here', {}],
    ['GET', '/v3/paths/list', login],
    ['GET', '/v3/session', { cookie: box.headers['cookie'] ?? '' }],
    ['POST', '/v3/pairedservers/pair', login],
    ['GET', '/v3/pairedservers/rtsp', { ...login, connection: 'Upgrade', upgrade: 'websocket' }],
  ] as const) {
    expect(await ask(method, path, headers)).toEqual([path, 401, true]);
  }
  expect((await ask('GET', '/v3/paths/list', { ...login, ...forged })).slice(0, 2)).toEqual(['/v3/paths/list', 401]);
  // Other connections to the box are as before.
  expect((await fetch(`${box.url}/health`)).status).toBe(200);
});

test('within a link only its own server is answered, and not another one that is paired, too', async () => {
  await using box = await startAgent({ isOwned: true });
  const [first, second] = [await startLinkServer(systemClock), await startLinkServer(systemClock)];
  for (const { called, invitations } of [first, second]) {
    const { secret, key } = invitations.create();
    const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Cloud' });
    await asOwner<AwayServerItem>(box, 'POST', '/v3/away/servers', { invitation });
  }
  const pairing = second.added[0] as NewLinkedBox;
  const identity = { id: pairing.server, key: privateKeyOf(pairing), box: pairing.id, namesBox: true };
  const statusWithin = async ({ boxLinks }: typeof first): Promise<number> => {
    const openStream = () => boxLinks.open(pairing.id);
    const client = new BoxClient({ pin: linkPinOf(pairing.boxKey), identity, clock: systemClock, openStream });
    client.useLink();
    const { status, body } = await client.request('GET', SELF_PATH);
    body.resume();
    client.close();
    return status;
  };
  expect([await statusWithin(second), await statusWithin(first)]).toEqual([200, 401]);
});

test('perch connect has a running box connect, and names the reason when it cannot', async () => {
  const { called, invitations, added } = await startLinkServer(systemClock);
  await using box = await startAgent({ isOwned: true });
  const { secret, key } = invitations.create();
  const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Cloud' });
  const connect = () => runProcess(process.execPath, [...AGENT, 'connect', invitation, '--data', box.dataDir]);
  expect(await connect()).toMatchObject({ code: 0, output: 'This box is connected to Cloud.\n' });
  expect(added).toHaveLength(1);
  const { items } = await box.json<{ readonly items: readonly AwayServerItem[] }>('/v3/away/servers/list');
  expect(items).toMatchObject([{ name: 'Cloud', state: 'connected' }]);
  const again = await connect();
  expect([again.code === 0, again.output]).toEqual([false, expect.stringContaining('was used')]);
});

test('a name that no camera of the box has is rejected with the names that there are, and the pairing stays', async () => {
  const { called, invitations, added } = await startLinkServer(systemClock);
  const tls = await freePort();
  await using box = await startAgent({ isOwned: true, listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }) });
  for (const name of ['garden', 'door']) {
    await asOwner(box, 'POST', `/v3/config/paths/add/${name}`, { source: 'publisher' });
  }
  const { secret, key } = invitations.create();
  const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Cloud' });
  const connect = (cameras: string) =>
    runProcess(process.execPath, [...AGENT, 'connect', invitation, '--cameras', cameras, '--data', box.dataDir]);
  const said = "this box has no camera 'gardn': it has 'door', 'garden'";
  const mistyped = await connect('gardn,door');
  expect([mistyped.code === 0, mistyped.output]).toEqual([false, expect.stringContaining(said)]);
  expect(added).toEqual([]);
  expect(await connect('door')).toMatchObject({ code: 0, output: 'This box is connected to Cloud.\n' });
  const { items } = await box.json<{ readonly items: readonly PairedServerItem[] }>('/v3/pairedservers/list');
  const [{ id } = { id: '' }] = items;
  const change = (cameras: readonly string[]) => asOwner(box, 'PATCH', `/v3/pairedservers/${id}`, { cameras });
  await expect(change(['door', 'gardn'])).rejects.toThrow(said);
  const invite = asOwner(box, 'POST', '/v3/pairedservers/invitations', { cameras: ['gardn'] });
  await expect(invite).rejects.toThrow(said);
  // A camera that was removed since may stay in the pairing.
  await asOwner(box, 'DELETE', '/v3/config/paths/delete/door');
  expect(await change(['door', 'garden'])).toMatchObject({ cameras: ['door', 'garden'] });
});

test('an invitation does not name the http port of the server', async () => {
  const tls = await freePort();
  await using server = await startAgent({ isOwned: true, listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }) });
  const invite = (port: number) =>
    asOwner(server, 'POST', '/v3/away/invitations', { addresses: [`cloud.example:${port}`] });
  const said = `port ${server.port} of cloud.example speaks http: boxes connect by https, which is port ${tls} here`;
  await expect(invite(server.port)).rejects.toThrow(said);
  expect(await invite(443)).toMatchObject({ invitation: expect.stringContaining('cloud.example%3A443') });
});
