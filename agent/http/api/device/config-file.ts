import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { entityTag, IfMatch, ifMatch } from '../../messages/if-match.ts';
import { ErrorAnswer } from '../../messages/responses.ts';
import { ConflictAnswer } from '../schema/schemas.ts';
import { type ConfirmOptions, isConfirmed, PasswordBody, wrongPassword } from './confirm-password.ts';

interface FileProblem {
  readonly severity: 'error' | 'warn' | 'note';
  readonly key: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/** The configuration file, as far as these routes need it. */
interface ConfigFile {
  /** @param hides passwords are replaced by placeholders, which `check` and `write` replace by the passwords */
  read(hides: boolean): Promise<{
    readonly name: string;
    readonly text: string;
    readonly tag: string;
    readonly problems: readonly FileProblem[];
  }>;
  check(text: string): Promise<{ readonly isUsable: boolean; readonly problems: readonly FileProblem[] }>;
  write(text: string, seen: string, user: string | undefined): Promise<void>;
  /** The passwords of the file in all forms that a text may contain, longest first. */
  secrets(): Promise<readonly string[]>;
}

interface ConfigFileOptions extends ConfirmOptions {
  readonly file: ConfigFile;
}

const Problems = Type.Array(
  Type.Object({
    severity: Type.Enum(['error', 'warn', 'note'], {
      description: 'error: the file is rejected; warn: a setting has no or another effect; note: information.',
    }),
    key: Type.String({ description: 'Names separated by dots; empty: the whole file.' }),
    message: Type.String(),
    line: Type.Union([Type.Integer(), Type.Null()], {
      description: 'From 1. null: the setting comes from the environment.',
    }),
    column: Type.Union([Type.Integer(), Type.Null()], { description: 'From 1.' }),
  }),
);
const FileText = Type.Object({
  name: Type.String(),
  text: Type.String({
    description:
      'In a session, passwords are replaced by placeholders such as <hidden-1a2b3c4d5e6f>. Check and PUT restore them.',
  }),
  passwordsHidden: Type.Boolean(),
  tag: Type.String({ description: 'Also the ETag, for If-Match.' }),
  problems: Problems,
});
export type FileText = Static<typeof FileText>;
const Verdict = Type.Object({
  usable: Type.Boolean({ description: 'Whether Perch can use the text.' }),
  problems: Problems,
});
const Written = Type.Object({ status: Type.Literal('ok'), tag: Type.String() });
const NewText = Type.Object({ text: Type.String() }, { additionalProperties: false });
const tags = ['configuration'];
const failures = { 400: ErrorAnswer, 401: ErrorAnswer, 413: ErrorAnswer, 415: ErrorAnswer };

/** The configuration file as text: for the owner, on the main port only. A session sees its passwords only after the user's own password. */
export const configFileRoutes: FastifyPluginAsync<ConfigFileOptions> = async (app, options) => {
  const { access, file } = options;
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
  // The longest file, each of its characters escaped once in JSON.
  const bodyLimit = 8 << 20;

  const get = { summary: 'The configuration file, for the owner', tags, response: { ...failures, 200: FileText } };
  const answer = async (reply: FastifyReply, hides: boolean) => {
    const { name, text, tag, problems } = await file.read(hides);
    reply.header('ETag', entityTag(tag));
    return { name, text, passwordsHidden: hides, tag, problems: problems.map(problemJson) };
  };
  app.get('/v3/config/file', { schema: get }, async (request, reply) =>
    answer(reply, access.identify(request).sessionUser !== undefined),
  );

  const reveal = {
    summary: "The configuration file with its passwords, for the owner's password",
    tags,
    body: PasswordBody,
    response: { ...failures, 200: FileText, 403: ErrorAnswer, 429: ErrorAnswer },
  };
  app.post('/v3/config/file/passwords', { schema: reveal }, async (request, reply) => {
    return (await isConfirmed(options, request)) ? answer(reply, false) : wrongPassword(reply);
  });

  const check = { summary: 'Check a text as a configuration file; nothing is changed', tags, body: NewText };
  const judged = { ...check, response: { ...failures, 200: Verdict } };
  app.post('/v3/config/file/check', { bodyLimit, schema: judged }, async ({ body }) => {
    const { isUsable, problems } = await file.check(checkedBody(NewText, body).text);
    return { usable: isUsable, problems: problems.map(problemJson) };
  });

  const put = {
    summary: 'Replace the configuration file, unless it was changed meanwhile; the former one is kept',
    tags,
    headers: IfMatch,
    body: NewText,
    response: { ...failures, 200: Written, 412: ConflictAnswer, 503: ErrorAnswer },
  };
  app.put('/v3/config/file', { bodyLimit, schema: put }, async (request) => {
    const seen = ifMatch(request);
    if (seen === undefined) {
      throw new PerchError('badInput', 'If-Match is missing: send the ETag of the text that this one was made from');
    }
    const { user, sessionUser } = access.identify(request);
    await file.write(checkedBody(NewText, request.body).text, seen, sessionUser ?? user);
    return { status: 'ok', tag: (await file.read(true)).tag };
  });
};

const problemJson = ({ severity, key, message, line, column }: FileProblem): object => ({
  severity,
  key,
  message,
  line: line ?? null,
  column: column ?? null,
});
