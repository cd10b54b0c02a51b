import {countedRun} from './counted-run.ts';

export default countedRun(['test/vm/**/*.ts', '!test/vm/{guest,support}/**'], '5m');
