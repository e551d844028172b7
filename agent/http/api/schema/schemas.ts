import Type, { type TSchema } from 'typebox';
import { ErrorAnswer } from '../../messages/responses.ts';

export const OrNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const TimeText = Type.String({ description: 'RFC 3339.' });
/** A part of the picture's width or height, or a score. */
export const Share = Type.Number({ minimum: 0, maximum: 1 });

export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({
    itemCount: Type.Integer({ description: 'Number of items on all pages.' }),
    pageCount: Type.Integer(),
    items: Type.Array(item),
  });

const PAGE = {
  itemsPerPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 999_999_999, default: 100 })),
  page: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 999_999_999, default: 0, description: 'Number of the page, from 0.' }),
  ),
};
export const PageQuery = Type.Object(PAGE);
/** A list that can be restricted to one path. */
export const PathPageQuery = Type.Object({ ...PAGE, path: Type.Optional(Type.String()) });

export const PathName = Type.Object({
  '*': Type.String({ description: 'Name of the path; it may contain slashes.' }),
});
export const IdParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** Responses of a route below `/v3`: the regular one, and the statuses of failures besides 401. */
export const answers = (good: TSchema, ...failures: readonly number[]) => ({
  200: good,
  401: ErrorAnswer,
  ...Object.fromEntries(failures.map((status) => [status, ErrorAnswer])),
});

/** An operation of the API document. @param request `params`, `querystring`, `headers`, `body` and media types */
export const operation = (tag: string, summary: string, response: object, request: object = {}) => ({
  summary,
  tags: [tag],
  ...request,
  response,
});

/** Another client has changed the same settings. */
export const ConflictAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'Message that says which client changed what.' }),
  tag: Type.String({ description: 'Tag of the current settings.' }),
  conflicts: Type.Array(
    Type.Object({
      path: OrNull(Type.String({ description: 'Path that the settings belong to. Null: global settings.' })),
      key: Type.String({ description: 'Key of the setting. Empty: the whole path.' }),
      value: Type.Optional(Type.Unknown({ description: 'Current value.' })),
      by: OrNull(Type.String({ description: 'Origin of the change: `API`, `file` or `camera`. Null: unknown.' })),
      user: OrNull(Type.String()),
      time: OrNull(Type.String({ description: 'Time of the change, RFC 3339.' })),
    }),
  ),
});
