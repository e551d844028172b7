/** What is used of werift, by name: the bundle leaves out the rest. */
export { Candidate, CipherContext, Connection, DtlsClient, DtlsServer } from 'werift';
