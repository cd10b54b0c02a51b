import test from 'ava';
import {completeHistoryTimes} from '../../src/exporter/image-history.ts';

test('entries of a base keep their times, new layers get theirs, and entries without a layer that of the step before', t => {
	const history = completeHistoryTimes([
		{created: 'base', created_by: 'COPY / /'},
		{created: 'base', created_by: 'CMD ["sh"]', empty_layer: true},
		{created_by: 'ENV A=1', empty_layer: true},
		{created_by: 'RUN one'},
		{created_by: 'LABEL x=y', empty_layer: true},
		{created_by: 'RUN two'},
		{created_by: 'CMD ["z"]', empty_layer: true},
	], ['base', 'one', 'two']);
	t.deepEqual(history.map(({created}) => created), ['base', 'base', 'one', 'one', 'one', 'two', 'two']);
});

test('without a new layer, new entries get the time of the base', t => {
	const history = completeHistoryTimes([{created: 'base'}, {created_by: 'LABEL', empty_layer: true}], ['base']);
	t.deepEqual(history.map(({created}) => created), ['base', 'base']);
});

test('an image without any layer has no times', t => {
	t.deepEqual(completeHistoryTimes([{created_by: 'CMD ["a"]', empty_layer: true}], []), [{created_by: 'CMD ["a"]', empty_layer: true}]);
});
