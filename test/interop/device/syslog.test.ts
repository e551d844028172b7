import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLogger } from '../../../agent/base/log.ts';
import { LogOutput } from '../../../agent/base/log-output.ts';
import { PYTHON } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';

/** Replaces `/dev/log`, which belongs to the machine. */
const SYSLOG = `
import socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
print('ready', flush=True)
while True:
    print(log.recv(65536).decode(), flush=True)
`;

test('lines reach syslog through the logger of the system, with their level and without a second time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perch-syslog-'));
  const socket = join(folder, 'log');
  const logger = join(folder, 'logger');
  await writeFile(logger, `#!/bin/sh\nexec /usr/bin/logger --socket ${socket} "$@"\n`);
  await chmod(logger, 0o755);
  const syslog = startProcess(PYTHON, ['-c', SYSLOG, socket]);
  const output = new LogOutput({
    stdout: () => {},
    cwd: folder,
    clock: { monoMs: () => performance.now() },
    logger,
  });
  try {
    await syslog.waitFor(/ready/);
    output.apply({ logDestinations: ['syslog'], logStructured: false, logFile: 'x', sysLogPrefix: 'cameras' });
    const log = createLogger('info', (line) => output.write(line));
    log.child({ path: 'garden' }).error({ reason: 'connection refused' }, 'no picture');
    log.info('started');
    // RFC 3164 §4.1.1: facility 3 (daemon) × 8 + severity.
    const error = await syslog.waitFor(/<27>.*cameras: (.*)/);
    const info = await syslog.waitFor(/<30>.*cameras: (.*)/);
    expect([error[1], info[1]]).toEqual(['[garden] no picture reason="connection refused"', 'started']);
  } finally {
    await output.close();
    await syslog.stop();
    await rm(folder, { recursive: true });
  }
});
