# shellcheck shell=bash
# ./dev new: makes the files of a new guard and the line that registers it. What it makes compiles, and fails
# its tests until somebody has filled it in.

# stage_folder STAGE: the folder of a stage, by its name or its folder's name, from the table in core/stage.h.
stage_folder() {
  awk -F'"' -v stage="$1" '/\{Stage::k/ {
    count = split($4, part, "/")
    if ($2 == stage || part[count] == stage) print $4
  }' core/stage.h
}

# threat_stage THREAT: the stage that the catalogue gives a threat.
threat_stage() {
  awk -v threat="$1" '$1 == "-" && $2 == "id:" { inside = ($3 == threat) }
    inside && $1 == "stage:" { print $2; exit }' catalog/threats.yaml
}

# subject_of FOLDER: what guards of that stage look at most often; another hook is a matter of two words.
subject_of() {
  case $1 in
    data_engineering/* | */versioned_data) echo dataset DatasetSubject ;;
    */code_repository) echo repository RepositorySubject ;;
    */mlops_pipeline | */model_training) echo step StepSubject ;;
    */model_validation | */metadata_store | */model_registry) echo promotion PromotionSubject ;;
    */model_export) echo file FileSubject ;;
    */output_data) echo response ResponseSubject ;;
    */monitoring) echo event EventSubject ;;
    *) echo request RequestSubject ;;
  esac
}

# fill TEMPLATE TARGET SED-EXPRESSION…
fill() {
  local template=$1 target=$2
  shift 2
  sed "$@" "$template" >"$target"
  say "new: $target"
}

# register THREAT LINE: the line takes the place of the threat's OPEN entry, or stands at the end.
register() {
  awk -v threat="$1" -v line="$2" '
    index($0, "OPEN(\"" threat "\"") == 1 { print line; done = 1; skipping = 1 }
    !skipping { print }
    skipping && /\)$/ { skipping = 0 }
    END { if (!done) print line }' guards.def >guards.def.part
  mv guards.def.part guards.def
  say "new: guards.def: $2"
}

command_new() {
  [[ ${1:-} == guard && $# == 4 ]] || die 64 "usage: ./dev new guard STAGE ID THREAT"
  local stage=$2 id=$3 threat=$4 folder hook subject template
  [[ $id =~ ^[a-z][a-z0-9_]*$ ]] || die 64 "a guard is named in snake_case, not '$id'"
  folder=$(stage_folder "$stage")
  [[ -n $folder ]] || die 64 "no stage '$stage'" "core/stage.h lists the sixteen"
  [[ -n $(threat_stage "$threat") ]] || die 64 "no threat '$threat'" "catalog/threats.yaml lists them"
  [[ $(stage_folder "$(threat_stage "$threat")") == "$folder" ]] ||
    die 64 "$threat is a threat to $(threat_stage "$threat"), not to $stage"
  if grep -qE "^(GUARD|HELD|DRILL)\([^)]*, ${id}[,)]" guards.def || [[ -e $folder/$id.cc ]]; then
    die 64 "there is a guard or drill '$id' already"
  fi
  read -r hook subject < <(subject_of "$folder")
  template=tools/new/guard.cc.in
  if [[ $hook == dataset ]]; then template=tools/new/guard_fold.cc.in; fi
  local -a values=(-e "s/@ID@/$id/g" -e "s/@THREAT@/$threat/g")
  values+=(-e "s/@HOOK@/$hook/g" -e "s/@SUBJECT@/$subject/g")
  values+=(-e "s/@SECTION@/${folder%%/*}/g" -e "s/@STAGE@/${folder##*/}/g")
  mkdir -p "$folder/testdata/$id/caught" "$folder/testdata/$id/clean"
  fill "$template" "$folder/$id.cc" "${values[@]}"
  fill tools/new/drill.cc.in "$folder/${id}_drill.cc" "${values[@]}"
  say "new: $folder/testdata/$id/{caught,clean}/: put samples here, made by the real tool where there is one"
  register "$threat" "GUARD(${folder%%/*}, ${folder##*/}, $id)"
  say "new: now ./dev test $id is red; it turns green when guard, drill and samples are there"
}
