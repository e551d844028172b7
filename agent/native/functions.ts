import type { DynamicLibrary } from 'node:ffi';

const POINTER = 'pointer';
const INT = 'int32';
const SIZE = 'uint64';

type Ffi = typeof import('node:ffi');

/** libc's sendmsg(2), with errno. */
export type SocketFunctions = ReturnType<typeof socketFunctions>;
/** libc's recv(2) and socketpair(2), with errno. */
export type ReceiveFunctions = ReturnType<typeof receiveFunctions>;
/** libc's recvmmsg(2). */
export type DatagramFunctions = ReturnType<typeof datagramFunctions>;
/** AES-128-GCM functions of the OpenSSL inside Node. */
export type CipherFunctions = ReturnType<typeof cipherFunctions>;

/** The C functions of this process. */
interface ProcessLibrary {
  readonly ffi: Ffi;
  readonly library: DynamicLibrary;
}

let opened: ProcessLibrary | undefined;

/**
 * Opens the C functions of this process. Requires Node 26 on a 64-bit little-endian Linux: the structures of this folder
 * are laid out for it. `PERCH_NO_FFI=1` turns them off. The library is kept for the life of the process.
 * @throws Error with the reason why it cannot be opened
 */
export function openProcessLibrary(): ProcessLibrary {
  opened ??= open();
  return opened;
}

function open(): ProcessLibrary {
  if ((process.env['PERCH_NO_FFI'] ?? '') !== '') {
    throw new Error('turned off by PERCH_NO_FFI');
  }
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Error(`not available on ${process.platform} ${process.arch}`);
  }
  const ffi = process.getBuiltinModule('node:ffi');
  if (!ffi) {
    throw new Error('this Node has no node:ffi');
  }
  return { ffi, library: new ffi.DynamicLibrary(null) };
}

/** This thread's errno: the error number of the latest call that failed. */
function errnoOf({ ffi, library }: ProcessLibrary): Int32Array {
  const location = library.getFunction('__errno_location', { arguments: [], return: POINTER });
  return new Int32Array(ffi.toArrayBuffer(location(), Int32Array.BYTES_PER_ELEMENT, false));
}

/** @throws Error if one is missing */
export function socketFunctions(process: ProcessLibrary) {
  const { ffi, library } = process;
  return {
    /** Keeps the functions alive. */
    library,
    pointerTo: ffi.getRawPointer,
    errno: errnoOf(process),
    // The result is the number of bytes, which fits 32 bits.
    sendmsg: library.getFunction('sendmsg', { arguments: [INT, POINTER, INT], return: INT }),
  };
}

/** _exit(2). @throws Error if it is missing */
export const exitFunction = ({ library }: ProcessLibrary) =>
  library.getFunction('_exit', { arguments: [INT], return: 'void' });

/** @throws Error if one that every libc has is missing */
export function memoryFunctions({ library }: ProcessLibrary) {
  return {
    library,
    madvise: library.getFunction('madvise', { arguments: [SIZE, SIZE, INT], return: INT }),
    mallocTrim: mallocTrimOf(library),
  };
}

/** malloc_trim(3) of glibc; undefined with musl, which does not have it. */
function mallocTrimOf(library: DynamicLibrary) {
  try {
    return library.getFunction('malloc_trim', { arguments: [SIZE], return: INT });
  } catch {
    return undefined;
  }
}

/** @throws Error if one is missing */
export function receiveFunctions(process: ProcessLibrary) {
  const { ffi, library } = process;
  return {
    library,
    pointerTo: ffi.getRawPointer,
    errno: errnoOf(process),
    // The result is the number of bytes, which fits 32 bits.
    recv: library.getFunction('recv', { arguments: [INT, POINTER, SIZE, INT], return: INT }),
    socketpair: library.getFunction('socketpair', { arguments: [INT, INT, INT, POINTER], return: INT }),
  };
}

/** @throws Error if it is missing */
export function datagramFunctions({ ffi, library }: ProcessLibrary) {
  return {
    library,
    pointerTo: ffi.getRawPointer,
    recvmmsg: library.getFunction('recvmmsg', { arguments: [INT, POINTER, 'uint32', INT, POINTER], return: INT }),
  };
}

/** @throws Error if one is missing */
export function cipherFunctions({ ffi, library }: ProcessLibrary) {
  const pointers = [POINTER, POINTER, POINTER, POINTER, POINTER] as const;
  return {
    library,
    pointerTo: ffi.getRawPointer,
    newContext: library.getFunction('EVP_CIPHER_CTX_new', { arguments: [], return: POINTER }),
    aes128Gcm: library.getFunction('EVP_aes_128_gcm', { arguments: [], return: POINTER }),
    encryptInit: library.getFunction('EVP_EncryptInit_ex', { arguments: pointers, return: INT }),
    encryptUpdate: library.getFunction('EVP_EncryptUpdate', {
      arguments: [POINTER, POINTER, POINTER, POINTER, INT],
      return: INT,
    }),
    encryptFinal: library.getFunction('EVP_EncryptFinal_ex', { arguments: [POINTER, POINTER, POINTER], return: INT }),
    setParameters: library.getFunction('EVP_CIPHER_CTX_set_params', { arguments: [POINTER, POINTER], return: INT }),
    getParameters: library.getFunction('EVP_CIPHER_CTX_get_params', { arguments: [POINTER, POINTER], return: INT }),
  };
}
