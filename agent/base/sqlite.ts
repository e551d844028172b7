type Sqlite = typeof import('node:sqlite');

let loaded: Sqlite | undefined;

/**
 * Node's SQLite, loaded here alone: older Nodes say by it that it is experimental, and nobody who watches cameras can act on that.
 * Other warnings come through, which a flag of Node's would keep back, too.
 */
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
