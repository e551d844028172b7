import { randomBytes } from 'node:crypto';

/** Of an answer. */
const TOKEN_BYTES = 16;

/** The stream that keeps the events of all boxes. */
export const EVENT_STREAM = 'FLEET_EVENTS';
/** The bucket of what is live now, a key-value store. */
export const STATE_BUCKET = 'FLEET';
/** What the bus keeps: both are streams of NATS. */
export const STREAMS: readonly string[] = [EVENT_STREAM, `KV_${STATE_BUCKET}`];

/** Where a box publishes the events of its cameras. @param box its id, or `*` */
export const eventSubject = (box: string): string => `fleet.${box}.event`;
/** Where the stream says which events of a box it has stored. @param box its id, or a part of the stream's configuration */
export const storedSubject = (box: string): string => `fleet.${box}.stored`;
/** Where a box takes requests. @param request its name, or `>` */
export const requestSubject = (box: string, request: string): string => `fleet.${box}.request.${request}`;
/**
 * Where a box answers a request of a server. The box alone may publish there, and that server alone reads it.
 * @param token that nobody can guess; each may be `*`
 */
export const answerSubject = (box: string, server: string, token: string): string =>
  `fleet.${box}.answer.${server}.${token}`;
/** Where a box is to answer one request of a server. */
export const newAnswerSubject = (box: string, server: string): string =>
  answerSubject(box, server, randomBytes(TOKEN_BYTES).toString('base64url'));
/** Key of a box in the bucket. */
export const stateKey = (box: string): string => `${box}.state`;
/** Where a key of the bucket is published. @param key or `>` */
export const bucketSubject = (key: string): string => `$KV.${STATE_BUCKET}.${key}`;
/** Begin of the subjects on which a member of the fleet gets answers. */
export const inboxOf = (member: string): string => `_INBOX.${member}`;

const ID = '[\\w-]{1,64}';
/**
 * The subjects on which a box may answer. NATS accepts any reply subject, also that of a stream or of its own API: a box that answered there
 * would write what the sender may not.
 * @returns a test of a subject
 */
export function answersOf(box: string): (subject: string) => boolean {
  const form = new RegExp(`^${answerSubject(box, ID, '[\\w-]{16,64}').replaceAll('.', '\\.')}$`);
  return (subject) => form.test(subject);
}
/** Whether a server of before may want its answer there: in its inbox. */
export const isInbox = (subject: string): boolean => /^_INBOX\.[a-z0-9-]{1,32}\.\w{22}\.\w{1,32}$/.test(subject);
