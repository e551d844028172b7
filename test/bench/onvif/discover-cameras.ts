import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';

/** Simulated cameras in a separate process; the argument is their number. Prints the port of their discovery. */
const discoveryPort = await freeUdpPort();
const count = Number(process.argv[2] ?? 64);
for (let i = 1; i <= count; i += 1) {
  await startOnvifCamera({ discoveryPort, address: `127.0.1.${i}` });
}
process.stdout.write(`ready on ${discoveryPort}\n`);
