import Type, { type TSchema } from 'typebox';
import { ErrorAnswer } from '../../messages/responses.ts';

export const OrNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const TimeText = Type.String({ description: 'RFC 3339.' });

export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({
    itemCount: Type.Integer({ description: 'Of all pages.' }),
    pageCount: Type.Integer(),
    items: Type.Array(item),
  });

const PAGE = {
  itemsPerPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 999_999_999, default: 100 })),
  page: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999_999, default: 0, description: 'From 0.' })),
};
export const PageQuery = Type.Object(PAGE);
/** A list that can be restricted to one path. */
export const PathPageQuery = Type.Object({ ...PAGE, path: Type.Optional(Type.String()) });

export const PathName = Type.Object({
  '*': Type.String({ description: 'Name of the path; it may contain slashes.' }),
});
export const IdParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** Further responses of every route below `/v3`. */
const ALWAYS = { 401: ErrorAnswer };

/** Responses of a route: the regular one, and the statuses of failures. */
export const answers = (good: TSchema, ...failures: readonly number[]) => ({
  200: good,
  ...ALWAYS,
  ...Object.fromEntries(failures.map((status) => [status, ErrorAnswer])),
});
