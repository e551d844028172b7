import { join } from 'node:path';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { mainStream, SETTLE_SECONDS, seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';
