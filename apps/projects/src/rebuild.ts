import { rebuildService } from '@works/platform/rebuild';
import { milestones, projects } from './aggregates';

void rebuildService({ mst: milestones, prj: projects }, process.env, process.argv.slice(2));
