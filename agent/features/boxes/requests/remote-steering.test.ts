import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { plainBoxes, scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { systemClock } from '../../../base/clock.ts';
import { BoxRequests } from './box-requests.ts';
import { type RemoteCommands, remoteSteering } from './remote-steering.ts';

const OK = '{"status":"ok"}';

/** Commands to `front door` of a box that gives one answer. */
async function steeringAt(status: number, answer: string) {
  const asked: string[] = [];
  const box = await scriptedBox(async (request, response) => {
    asked.push(`${request.method} ${request.url} ${await text(request)}`.trim());
    response.writeHead(status).end(answer);
  });
  const requests = new BoxRequests(
    plainBoxes(() => box.port),
    systemClock,
  );
  const remoteOf = (path: string) => (path === 'door' ? { box: 'shed', path: 'yard/front door' } : undefined);
  const steering = remoteSteering({ requests, remoteOf });
  return { steering, asked, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
}

test.for<[string, (commands: RemoteCommands) => Promise<void>]>([
  ['ptz/move AT {"pan":0.5}', ({ move }) => move('door', { pan: 0.5 })],
  ['ptz/stop AT {}', ({ stop }) => stop('door')],
  ['ptz/home AT {}', ({ goHome }) => goHome('door')],
  ['ptz/goto AT {"token":"1"}', ({ goToPreset }) => goToPreset('door', '1')],
  ['ptz/position AT {"zoom":0.5}', ({ moveTo }) => moveTo('door', { zoom: 0.5 })],
  ['ptz/center AT {"x":0.2,"y":0.4}', ({ center }) => center('door', { x: 0.2, y: 0.4 })],
  ['outputs/set AT {"id":"relay-1","isOn":true}', ({ setOutput }) => setOutput('door', 'relay-1', true)],
])('a command goes to the box as %s', async ([request, send]) => {
  await using it = await steeringAt(200, OK);
  await send(it.steering);
  expect(it.asked).toEqual([`POST /v3/cameras/${request.replace(' AT', '/yard/front%20door')}`]);
});

test('answers of the box are checked', async () => {
  await using good = await steeringAt(200, '{"items":[{"token":"1","name":"Gate"}]}');
  expect(await good.steering.presets('door')).toEqual([{ token: '1', name: 'Gate' }]);
  expect(good.asked).toEqual(['GET /v3/cameras/ptz/presets/yard/front%20door']);
  await expect(good.steering.outputs('door')).rejects.toMatchObject({ context: { why: 'boxFault' } });
  await expect(good.steering.abilities('door')).rejects.toMatchObject({ context: { why: 'boxFault' } });
  await using large = await steeringAt(200, `"${'x'.repeat(300_000)}"`);
  await expect(large.steering.move('door', {})).rejects.toMatchObject({ context: { why: 'boxFault' } });
});

test.for([
  [401, 'unavailable', "box 'shed': this box does not let the server move 'yard'"],
  [404, 'notFound', "this box does not let the server move 'yard'"],
  [501, 'unsupported', "this box does not let the server move 'yard'"],
  [503, 'unavailable', "box 'shed': this box does not let the server move 'yard'"],
] as const)('what the box says comes through: %d', async ([status, code, message]) => {
  const said = JSON.stringify({ error: "this box does not let the server move 'yard'" });
  await using it = await steeringAt(status, said);
  await expect(it.steering.move('door', { pan: 1 })).rejects.toMatchObject({ code, message });
  await expect(it.steering.move('gone', { pan: 1 })).rejects.toMatchObject({ code: 'notFound' });
});
