import type { SecureVersion } from 'node:tls';
import MailComposer from 'nodemailer/lib/mail-composer';
import SmtpConnection from 'nodemailer/lib/smtp-connection';
import { PerchError } from '../../../../base/errors.ts';
import { joinSignals } from '../../../../base/joined-signal.ts';
import type { ChannelMessage, SendOptions } from '../sending/channel-message.ts';
import { connectionFault, noAnswer, plain } from '../sending/fault.ts';
import type { EmailSettings } from './email.ts';

const TIMEOUT_MS = 40_000;
/** Divisor of the time limit: DNS, the connection and the greeting each have one such part, each pause of the socket 1.5. */
const STEPS = 4;
const OLDEST_TLS: SecureVersion = 'TLSv1.2';
/** SMTP reply code for a message that exceeds the size limit (RFC 1870). */
const TOO_LARGE = 552;
const PICTURE_ID = 'picture@perch';

/** @throws PerchError badInput */
export function check({ user, password }: EmailSettings): void {
  if (user !== '' && password === '') {
    throw new PerchError('badInput', 'password: a user name needs one');
  }
}

/**
 * Sends by SMTP (RFC 5321) to all recipients, or to those of `to`.
 * @throws PerchError that says what is wrong, also if one is rejected; `left` in its context are recipients to try again
 */
export async function send(
  settings: EmailSettings,
  message: ChannelMessage,
  { ca, timeoutMs = TIMEOUT_MS, signal, to: left = settings.to }: SendOptions,
): Promise<void> {
  const { host, port, security, user, password, from } = settings;
  const to = left.filter((recipient) => settings.to.includes(recipient));
  if (to.length === 0) {
    return;
  }
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const stepMs = timeoutMs / STEPS;
  const connection = new SmtpConnection({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { minVersion: OLDEST_TLS, ...(ca !== undefined && { ca }) },
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    dnsTimeout: stepMs,
    // Longer than the greeting's timeout, whose error says more.
    socketTimeout: stepMs * 1.5,
    socketCloseTimeout: 0,
    maxResponseSize: 16 << 10,
    allowInternalNetworkInterfaces: true,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {});
  connection.on('error', reject);
  const joined = joinSignals([signal], timeoutMs);
  joined.signal.addEventListener('abort', () => reject(noAnswer(at)), { once: true });
  let isSent = false;
  const step = <T>(begin: (done: (error?: Error | null, value?: T) => void) => void): Promise<T | undefined> =>
    Promise.race([
      new Promise<T | undefined>((resolve, fail) => begin((error, value) => (error ? fail(error) : resolve(value)))),
      broken,
    ]);
  try {
    if (joined.signal.aborted) {
      throw noAnswer(at);
    }
    const bytes = await new MailComposer(mailOf(settings, message)).compile().build();
    await step((done) => connection.connect(done));
    if (user !== '') {
      await step((done) => connection.login({ user, pass: password }, done));
    }
    const sent = await step<SentMail>((done) => connection.send({ from, to, size: bytes.length }, bytes, done));
    isSent = true;
    throwRejected(at, sent?.rejectedErrors ?? []);
  } catch (error) {
    throw faultOf(at, error, settings);
  } finally {
    joined.release();
    if (isSent) {
      connection.quit();
    } else {
      connection.close();
    }
  }
}

function mailOf({ from, to }: EmailSettings, { title, text, link, localTime, picture }: ChannelMessage) {
  const lines = [text, `${title}, ${localTime}`];
  return {
    from: { name: 'Perch', address: from },
    to: [...to],
    subject: `${title}: ${text}`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: `${lines.join('\n')}\n\n${link}\n`,
    html:
      `${lines.map((line) => `<p>${escaped(line)}</p>`).join('')}` +
      `${picture ? `<p><img src="cid:${PICTURE_ID}" alt=""></p>` : ''}` +
      `<p><a href="${escaped(link)}">${escaped(link)}</a></p>`,
    ...(picture && {
      attachments: [
        { cid: PICTURE_ID, filename: 'picture.jpg', contentType: 'image/jpeg', content: Buffer.from(picture) },
      ],
    }),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? '');

interface SentMail {
  readonly rejectedErrors?: readonly SmtpError[] | undefined;
}

interface SmtpError {
  /** The step that took too long, in nodemailer's errors. */
  readonly timeoutType?: string | undefined;
  readonly code?: string | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly SmtpError[] | undefined;
  readonly command?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
}

const isRefusedForNow = ({ responseCode = 0 }: SmtpError): boolean => responseCode < 500;
const recipientsOf = (errors: readonly SmtpError[]): string[] => errors.map(({ recipient = '' }) => recipient);

/** A 4xx reply refuses a recipient only for now: the server does greylisting (RFC 6647), or the mailbox is in use. */
function throwRejected(at: string, errors: readonly SmtpError[]): void {
  const [first, ...left] = recipientsOf(errors.filter(isRefusedForNow));
  if (first !== undefined) {
    const text = `${at} accepts no message for ${first} now; the others have it`;
    throw new PerchError('unavailable', text, { left: [first, ...left] });
  }
  const [rejected] = recipientsOf(errors);
  if (rejected !== undefined) {
    throw new PerchError('badInput', `${at} rejects the recipient ${rejected}; the others have the message`);
  }
}

function faultOf(at: string, error: unknown, { security }: EmailSettings): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const {
    code = '',
    command = '',
    response = '',
    responseCode = 0,
    rejectedErrors,
    timeoutType,
  } = (error ?? {}) as SmtpError;
  const words = plain(response) === '' ? '' : `: ${plain(response)}`;
  if (command === 'STARTTLS' || (security === 'starttls' && /^(?:EHLO|HELO)$/.test(command))) {
    return responseCode >= 500 || responseCode === 0
      ? withoutStartTls(at, error, responseCode)
      : new PerchError('unavailable', `${at} cannot begin TLS${words}`);
  }
  if (responseCode === TOO_LARGE || (responseCode === 0 && code === 'EMESSAGE')) {
    return new PerchError('badInput', `the message is too large for ${at}`, { isTooLarge: true });
  }
  if (security !== 'tls' && timeoutType === 'GREETING_TIMEOUT') {
    return new PerchError('timeout', `${at} does not greet: it may expect TLS from the start`);
  }
  if (responseCode === 0) {
    return code === 'EAUTH'
      ? new PerchError('unauthorized', `${at} has no login that Perch knows: leave the user name empty, or use TLS`)
      : connectionFault(at, error);
  }
  if (responseCode < 500) {
    const left = rejectedErrors && { left: recipientsOf(rejectedErrors.filter(isRefusedForNow)) };
    return new PerchError('unavailable', `${at} accepts no message now${words}`, left);
  }
  if (code === 'EAUTH') {
    return new PerchError('unauthorized', `${at} rejects the user name or password${words}`);
  }
  return new PerchError('badInput', `${at} rejects ${command === 'MAIL FROM' ? 'the sender' : 'the message'}${words}`);
}

/** Fault if the server rejects STARTTLS, or (response code 0) the TLS handshake has failed. */
const withoutStartTls = (at: string, error: unknown, responseCode: number): PerchError =>
  responseCode === 0
    ? connectionFault(at, error)
    : new PerchError('unsupported', `${at} offers no STARTTLS: choose TLS, or none in your own network`);
