import type { CameraNetworkAnswer as CameraNetwork } from '../../../agent/features/camera-network/routes.ts';

export type Port = CameraNetwork['ports'][number];

/** The ports of the box, and the chosen one, which is not among them while its adapter is unplugged. */
export function portsOf({ ports, interface: chosen }: Pick<CameraNetwork, 'ports' | 'interface'>): readonly Port[] {
  return chosen === null || ports.some(({ name }) => name === chosen)
    ? ports
    : [...ports, { name: chosen, mac: '', connected: false, obstacle: null }];
}
