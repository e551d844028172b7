import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeWith } from '../../../peers/programs/peers.ts';
import { MAIL_CA, startSmtpServer } from '../../../peers/programs/smtp-server.ts';
import { pictureOf, type SnapshotCamera, startSnapshotCamera } from '../../../support/cameras/snapshot-camera.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { labelling } from '../../../support/harness/labelling.ts';
import { featuresWith } from '../support/features-with.ts';

const LIMIT = { timeout: 60_000 };
const LOGIN = ['perch', 'a wren in the hedge'] as const;
const PICTURE = pictureOf(30_000, 3);
const RULES = [{ cameras: 'all', kinds: ['person'] }];

describeWith(['aiosmtpd'], 'notifications by e-mail', () => {
  let camera: SnapshotCamera;
  beforeAll(async () => {
    camera = await startSnapshotCamera({ profiles: { main: { width: 1920, picture: PICTURE } } });
  });
  afterAll(() => camera[Symbol.asyncDispose]());

  /** An agent with a camera and a channel to this server. */
  async function open(port: number, more: object = {}, fields: object = {}, ca: string | undefined = MAIL_CA) {
    const paths = `paths:\n  door:\n    camera: {onvif: "${camera.url}", name: "Front <door>"}\n`;
    const { features, label } = labelling(featuresWith({ sending: { timeoutMs: 20_000, ...(ca && { ca }) } }));
    const box = await openAdoptionHarness({}, paths, { features });
    const settings = {
      ...{ kind: 'email', host: '127.0.0.1', port, security: 'starttls', user: '', password: '' },
      ...{ from: 'perch@example.net', to: ['ann@example.net', 'ben@example.net'], ...more },
    };
    const channel = { name: 'Mail', language: 'en', page: 'https://perch.example.net/', rules: RULES, settings };
    const { status, body } = await box.call('POST', '/notifications/channels', { ...channel, ...fields });
    expect([status, body]).toMatchObject([200, { settings: { kind: 'email' } }]);
    return {
      box,
      label,
      report: () => box.call('POST', '/events', { path: 'door', type: 'person', text: 'with a parcel' }),
      tried: async () => (await box.call('POST', `/notifications/channels/${body['id']}/test`, {})).body,
      [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
    };
  }

  test.for([
    ['starttls', LOGIN],
    ['tls', LOGIN],
    ['none', undefined],
    ['none', LOGIN],
  ] as const)(
    'an event reaches all recipients with its picture: security %s, login %s',
    LIMIT,
    async ([security, login]) => {
      await using server = await startSmtpServer({ security, ...(login && { login }) });
      await using it = await open(server.port, { security, ...(login && { user: login[0], password: login[1] }) });
      await it.report();
      const [mail] = await vi.waitFor(() => {
        expect(server.mails()).toHaveLength(1);
        return server.mails();
      }, LIMIT);
      expect(mail).toMatchObject({
        ...{ from: 'perch@example.net', to: ['ann@example.net', 'ben@example.net'] },
        ...{ isSecure: security !== 'none', user: login?.[0] ?? null },
      });
      expect(mail?.headers).toMatchObject({
        Subject: 'Front <door>: Person · with a parcel',
        'Auto-Submitted': 'auto-generated',
      });
      expect(mail?.text).toMatch(
        /^Person · with a parcel\s+Front <door>, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+https:\/\/perch\.example\.net\/#\/rec\/door\?t=\d{4}-/,
      );
      expect(mail?.html).toContain('Front &lt;door&gt;');
      const [file] = mail?.files ?? [];
      expect(file).toMatchObject({ type: 'image/jpeg', disposition: 'inline', name: 'picture.jpg' });
      expect(mail?.html).toContain(`cid:${file?.id.replace(/[<>]/g, '')}`);
      expect(Buffer.from(file?.bytes ?? '', 'base64').equals(PICTURE)).toBe(true);
    },
  );

  test('motion of an examined camera is sent to who wants persons when its label is found', LIMIT, async () => {
    await using server = await startSmtpServer({ security: 'none' });
    await using it = await open(server.port, { security: 'none' });
    const motion = { path: 'door', type: 'motion', state: 'start' };
    const { body } = await it.box.call('POST', '/events', motion);
    const id = String(body['id']);
    await it.label('door', id);
    await it.label('door', id, 'vehicle');
    await it.box.call('POST', '/events', { ...motion, id, state: 'end' });
    await it.label('door', id, 'vehicle', 'person');
    await vi.waitFor(() => expect(server.mails()).toHaveLength(1), LIMIT);
    expect(server.mails()[0]?.headers['Subject']).toBe('Front <door>: Person');
    const { body: listed } = await it.box.call('GET', '/events/list?to=2100-01-01T00:00:00Z&types=person');
    expect(listed['items']).toMatchObject([{ id, type: 'motion', labels: [{ type: 'vehicle' }, { type: 'person' }] }]);
  });

  test('the text is in the language of the channel', LIMIT, async () => {
    await using server = await startSmtpServer({ security: 'none' });
    await using it = await open(server.port, { security: 'none' }, { language: 'zh-cn' });
    expect(await it.tried()).toEqual({ sent: true, problem: null });
    expect(server.mails()[0]?.headers['Subject']).toBe('Perch: 这是一条测试通知。');
  });

  test.concurrent('a message that the server refuses for now is sent again', LIMIT, async () => {
    await using server = await startSmtpServer({ security: 'none', later: 1 });
    await using it = await open(server.port, { security: 'none' });
    await it.report();
    await vi.waitFor(() => expect(server.refused()).toBe(1), LIMIT);
    const list = async () =>
      (await it.box.call('GET', '/notifications/channels')).body['items'] as Record<string, unknown>[];
    const isTriedAgain = { problem: expect.stringContaining('try later'), waiting: 1 };
    await vi.waitFor(async () => expect(await list()).toMatchObject([isTriedAgain]), LIMIT);
    await vi.waitFor(() => expect(server.mails()).toHaveLength(1), LIMIT);
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ problem: null, waiting: 0 }]), LIMIT);
  });

  test.concurrent.for([
    ['one recipient', ['ann@example.net', 'busy@example.net'], [['ann@example.net'], ['busy@example.net']]],
    ['the only recipient', ['busy@example.net'], [['busy@example.net']]],
    ['one recipient, and another for good', ['nobody@example.net', 'busy@example.net'], [['busy@example.net']]],
  ] as const)('%s is refused for now, and nobody gets the message twice', LIMIT, async ([, to, envelopes]) => {
    await using server = await startSmtpServer({ security: 'none', busy: 1 });
    await using it = await open(server.port, { security: 'none', to });
    await it.report();
    await vi.waitFor(() => expect(server.refused()).toBe(1), LIMIT);
    const list = async () =>
      (await it.box.call('GET', '/notifications/channels')).body['items'] as Record<string, unknown>[];
    const isRefused = { problem: expect.stringMatching(/accepts no message/), waiting: 1 };
    await vi.waitFor(async () => expect(await list()).toMatchObject([isRefused]), LIMIT);
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ problem: null, waiting: 0 }]), LIMIT);
    expect(server.mails().map((mail) => mail.to)).toEqual(envelopes);
    expect(server.mails().map((mail) => mail.headers['To'])).toEqual(envelopes.map(() => to.join(', ')));
  });

  test('a server that takes no picture of this size gets the text', LIMIT, async () => {
    await using server = await startSmtpServer({ security: 'none', maxBytes: 20_000 });
    await using it = await open(server.port, { security: 'none' });
    await it.report();
    await vi.waitFor(() => expect(server.mails()).toHaveLength(1), LIMIT);
    expect(server.mails()[0]?.files).toEqual([]);
  });

  test('the test says in a sentence what is wrong', LIMIT, async () => {
    await using secure = await startSmtpServer({ security: 'starttls', login: LOGIN });
    await using plain = await startSmtpServer({ security: 'none' });
    await using wrapped = await startSmtpServer({ security: 'tls' });
    const login = { user: LOGIN[0], password: 'a wrong one' };
    const problemOf = async (...[port, more, ca]: [number, object?, (string | undefined)?]) => {
      await using it = await open(port, more, {}, ca);
      return (await it.tried())['problem'];
    };
    const at = (port: number) => `127.0.0.1:${port}`;
    expect(await problemOf(secure.port, login, MAIL_CA)).toMatch(
      `${at(secure.port)} rejects the user name or password: 535`,
    );
    expect(await problemOf(secure.port, login, '')).toMatch(`the certificate of ${at(secure.port)} is not trusted (`);
    expect(await problemOf(plain.port, { security: 'tls' }, MAIL_CA)).toBe(`${at(plain.port)} does not speak TLS`);
    expect(await problemOf(plain.port, {}, MAIL_CA)).toMatch(/TLS/);
    expect(await problemOf(wrapped.port, {}, MAIL_CA)).toBe(
      `${at(wrapped.port)} does not greet: it may expect TLS from the start`,
    );
    expect(await problemOf(1, {}, MAIL_CA)).toBe(`nothing answers at ${at(1)}`);
    const to = ['ann@example.net', 'nobody@example.net'];
    expect(await problemOf(plain.port, { security: 'none', to }, MAIL_CA)).toBe(
      `${at(plain.port)} rejects the recipient nobody@example.net; the others have the message`,
    );
    expect(await problemOf(plain.port, { security: 'none', to: to.slice(1) }, MAIL_CA)).toMatch('550');
  });
});
