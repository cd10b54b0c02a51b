import {prepareCgroups} from '../../solver/executor/cgroup-hierarchy.ts';
import {defaultProcessLimit} from '../../solver/executor/process-limit.ts';
import {testWhere} from './conditions.ts';

/** How many processes a step may have by default; `undefined` where nothing can limit them. */
export const processLimit = await defaultProcessLimit(await prepareCgroups());

/** Tests of limits that a user needs cgroups for, which belong to root unless they are delegated. */
export const testWithCgroups = testWhere(processLimit !== undefined, 'it needs cgroups that this user may make');
