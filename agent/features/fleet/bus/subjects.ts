/** The stream that keeps the events of all boxes. */
export const EVENT_STREAM = 'FLEET_EVENTS';
/** The bucket of what is live now, a key-value store. */
export const STATE_BUCKET = 'FLEET';

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
/** Key of a box in the bucket. */
export const stateKey = (box: string): string => `${box}.state`;
/** Where a key of the bucket is published. @param key or `>` */
export const bucketSubject = (key: string): string => `$KV.${STATE_BUCKET}.${key}`;
/** Begin of the subjects on which a member of the fleet gets answers. */
export const inboxOf = (member: string): string => `_INBOX.${member}`;
