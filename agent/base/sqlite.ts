type Sqlite = typeof import('node:sqlite');

let loaded: Sqlite | undefined;

/** Node's SQLite. Suppresses only its experimental warning in older versions of Node; a flag would suppress others as well. */
export function sqlite(): Sqlite {
  if (loaded) {
    return loaded;
  }
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('SQLite')) {
      Reflect.apply(emitWarning, process, [warning, ...rest]);
    }
  };
  try {
    loaded = process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
  return loaded;
}
